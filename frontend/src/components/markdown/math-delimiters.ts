/**
 * Models write formulas in four ways. Here they become one, `$$`, so that a dollar sign in prose stays
 * one: `$x$` counts only where no space follows the first sign or precedes the second, and no digit
 * follows it ("$5 and $10" is money).
 */

// Lengths are bounded, so that text made of opening signs alone takes no time.
const LITERAL = /(^ {0,3}(?:```|~~~)[\s\S]*?(?:^ {0,3}(?:```|~~~)[^\n]*$|$(?![\s\S]))|`[^`\n]*`)/m;
const DISPLAY = /\\\[([\s\S]{1,2000}?)\\\]/g;
const DISPLAY_LINE = /^[ \t]*\$\$([^$\n]+)\$\$[ \t]*$/gm;
const INLINE = /\\\((.{1,400}?)\\\)/g;
const DOLLARS = /(?<![\\$])\$(?![\s$])((?:\\.|[^$\\\n])*?)(?<![\s\\])\$(?![\d$])/g;

/** The text with every formula between `$$`; code is left alone. */
export function unifyMath(text: string): string {
  if (!text.includes("$") && !text.includes("\\")) return text;
  return text
    .split(LITERAL)
    .map((part, index) => (index % 2 === 1 ? part : unify(part)))
    .join("");
}

function unify(prose: string): string {
  return prose
    .replace(DISPLAY, (_, formula: string) => ["", "$$", formula.trim(), "$$", ""].join("\n"))
    .replace(DISPLAY_LINE, (_, formula: string) => ["$$", formula.trim(), "$$"].join("\n"))
    .replace(INLINE, (_, formula: string) => ["$$", formula.trim(), "$$"].join(""))
    .replace(DOLLARS, (_, formula: string) => ["$$", formula, "$$"].join(""));
}
