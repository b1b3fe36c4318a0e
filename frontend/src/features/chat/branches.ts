import type { Exchange } from "./exchange";

/** All exchanges of a session in the order they began, and which branch is looked at where. */
export interface Tree {
  readonly exchanges: Readonly<Record<string, Exchange>>;
  readonly order: readonly string[];
  /** By parent (ROOT at the top): the child that is shown. The latest, where nothing is chosen. */
  readonly chosen: Readonly<Record<string, string>>;
}

export const ROOT = "";

export const EMPTY_TREE: Tree = { exchanges: {}, order: [], chosen: {} };

export function siblings(tree: Tree, parentKey: string | null): readonly string[] {
  return tree.order.filter((key) => tree.exchanges[key]?.parentKey === parentKey);
}

/** The exchanges of the branch that is shown, from the first to the latest. */
export function visiblePath(tree: Tree): readonly Exchange[] {
  const children = new Map<string, string[]>();
  for (const key of tree.order) {
    const parent = tree.exchanges[key]?.parentKey ?? ROOT;
    children.set(parent, [...(children.get(parent) ?? []), key]);
  }
  const path: Exchange[] = [];
  let next = shownChild(tree, children, ROOT);
  while (next !== undefined) {
    path.push(next);
    next = shownChild(tree, children, next.key);
  }
  return path;
}

function shownChild(
  tree: Tree,
  children: ReadonlyMap<string, readonly string[]>,
  parent: string,
): Exchange | undefined {
  const options = children.get(parent) ?? [];
  const choice = tree.chosen[parent];
  const key = choice !== undefined && options.includes(choice) ? choice : options.at(-1);
  return key === undefined ? undefined : tree.exchanges[key];
}

/** The service's id of the nearest exchange from `key` upwards that it knows of. */
export function knownAncestor(tree: Tree, key: string | null): string | null {
  let exchange = key === null ? undefined : tree.exchanges[key];
  while (exchange !== undefined && exchange.messageId === null) {
    exchange = exchange.parentKey === null ? undefined : tree.exchanges[exchange.parentKey];
  }
  return exchange?.messageId ?? null;
}

export function withExchange(tree: Tree, exchange: Exchange): Tree {
  const known = exchange.key in tree.exchanges;
  return {
    exchanges: { ...tree.exchanges, [exchange.key]: exchange },
    order: known ? tree.order : [...tree.order, exchange.key],
    chosen: known ? tree.chosen : { ...tree.chosen, [exchange.parentKey ?? ROOT]: exchange.key },
  };
}

export function withoutExchange(tree: Tree, key: string): Tree {
  const { [key]: _, ...exchanges } = tree.exchanges;
  return { ...tree, exchanges, order: tree.order.filter((other) => other !== key) };
}

export function withChoice(tree: Tree, key: string): Tree {
  const parent = tree.exchanges[key]?.parentKey ?? ROOT;
  return { ...tree, chosen: { ...tree.chosen, [parent]: key } };
}
