import { describe, expect, it } from "vitest";
import {
  EMPTY_TREE,
  knownAncestor,
  siblings,
  type Tree,
  visiblePath,
  withChoice,
  withExchange,
  withoutExchange,
} from "./branches";
import { newExchange } from "./exchange";

function grow(...pairs: readonly (readonly [string, string | null])[]): Tree {
  return pairs.reduce(
    (tree, [key, parent]) => withExchange(tree, newExchange(key, parent, key)),
    EMPTY_TREE,
  );
}

function keys(tree: Tree): readonly string[] {
  return visiblePath(tree).map(({ key }) => key);
}

describe("branches", () => {
  it("shows the newest branch, and another when it is chosen", () => {
    const tree = grow(["a", null], ["b", "a"], ["c", "b"], ["b2", "a"]);

    expect(keys(tree)).toEqual(["a", "b2"]);
    expect(siblings(tree, "a")).toEqual(["b", "b2"]);
    expect(keys(withChoice(tree, "b"))).toEqual(["a", "b", "c"]);
  });

  it("branches at the root as well", () => {
    const tree = grow(["a", null], ["a2", null]);

    expect(keys(tree)).toEqual(["a2"]);
    expect(keys(withChoice(tree, "a"))).toEqual(["a"]);
  });

  it("falls back to what is left when the chosen exchange is removed", () => {
    expect(keys(withoutExchange(grow(["a", null], ["b", "a"], ["b2", "a"]), "b2"))).toEqual([
      "a",
      "b",
    ]);
  });

  it("changes an exchange without choosing it", () => {
    const tree = withChoice(grow(["a", null], ["a2", null]), "a");

    expect(keys(withExchange(tree, newExchange("a2", null, "changed")))).toEqual(["a"]);
  });

  it("finds the nearest exchange the service knows", () => {
    const known = { ...newExchange("a", null, "a"), messageId: "m-a" };
    const tree = withExchange(withExchange(EMPTY_TREE, known), newExchange("b", "a", "b"));

    expect(knownAncestor(tree, "b")).toBe("m-a");
    expect(knownAncestor(tree, null)).toBeNull();
  });
});
