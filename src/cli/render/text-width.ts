/** Letters of Latin, Greek and Cyrillic, and the signs that this program itself writes: one column each. */
const narrow = /^[\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u0370-\u0482\u048a-\u0530–—‘’“”…→↻■✓✗▁-█⠀-⣿]*$/;
const wide =
  /\p{Emoji_Presentation}|\ufe0f|[\u3000-\u303e\u31c0-\u31e3\u3200-\u3247\uff01-\uff60\uffe0-\uffe6]|\p{sc=Han}|\p{sc=Hiragana}|\p{sc=Katakana}|\p{sc=Hangul}/u;
const halfWide = /[\uff61-\uffdc]/;
const invisible = /^[\p{M}\p{Cf}\p{Cc}]*$/u;

let segmenter: Intl.Segmenter | undefined;

/** What a reader takes for one character. */
export function graphemes(text: string): string[] {
  if (narrow.test(text)) return text.split("");
  segmenter ??= new Intl.Segmenter();
  return [...segmenter.segment(text)].map(({ segment }) => segment);
}

/**
 * Columns that a text without colours takes on a terminal. The package string-width, which the tests compare with,
 * takes as long to load as node itself: too long for a command that is typed in an emergency.
 */
export function textWidth(text: string): number {
  if (narrow.test(text)) return text.length;
  return graphemes(text).reduce((sum, one) => sum + graphemeWidth(one), 0);
}

function graphemeWidth(one: string): number {
  if (invisible.test(one)) return 0;
  return wide.test(one) && !halfWide.test(one) ? 2 : 1;
}
