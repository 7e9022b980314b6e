/** Light or dark whatever the device says: the style sheets' own rules for the dark are made to hold always or never. */
export type Colours = 'device' | 'light' | 'dark';

const DARK = '(prefers-color-scheme: dark)';
const ALWAYS = { device: DARK, light: 'not all', dark: 'all' };

const darkRules = [...document.styleSheets]
  .flatMap((sheet) => [...sheet.cssRules])
  .filter((rule): rule is CSSMediaRule => rule instanceof CSSMediaRule && rule.conditionText === DARK);

export function paint(colours: Colours): void {
  for (const rule of darkRules) rule.media.mediaText = ALWAYS[colours];
  document.documentElement.style.colorScheme = colours === 'device' ? '' : colours;
}
