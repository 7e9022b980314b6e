/** Colours and sizes have names: `src/ui/tokens.css` and the faces' `theme.css` define them, components use them. */
const COLOUR = { message: 'A colour is a token: src/ui/tokens.css, or a theme.css' };
const SIZE = { message: 'The sizes of letters and the layers are tokens: src/ui/tokens.css' };

export default {
  ignoreFiles: ['src/ui/tokens.css', 'src/faces/*/theme.css', 'src/messages/generated/**'],
  overrides: [{ files: ['**/*.svelte'], customSyntax: 'postcss-html' }],
  rules: {
    'color-no-hex': [true, COLOUR],
    'color-named': ['never', COLOUR],
    'function-disallowed-list': [['rgb', 'rgba', 'hsl', 'hsla', 'hwb', 'lab', 'lch', 'oklab', 'oklch'], COLOUR],
    'declaration-property-value-disallowed-list': [
      { 'font-size': ['/^[\\d.]+(px|rem)$/'], 'z-index': ['/^\\d/'] },
      SIZE,
    ],
  },
};
