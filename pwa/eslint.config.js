import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import ts from 'typescript-eslint';
import svelteConfig from './svelte.config.js';

export default ts.config(
  { ignores: ['dist', 'node_modules', 'src/api/schema.gen.ts', 'src/messages/generated'] },
  js.configs.recommended,
  ts.configs.recommendedTypeChecked,
  svelte.configs.recommended,
  {
    languageOptions: { parserOptions: { projectService: true, extraFileExtensions: ['.svelte'] } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // The compiler knows these better: it sees the browser's globals, and svelte-check the components' types, which this parser takes for `any`.
      'no-undef': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      // What stands in for a function that waits is async without waiting itself.
      '@typescript-eslint/require-await': 'off',
      // What was caught is thrown on, whatever it is.
      '@typescript-eslint/only-throw-error': 'off',
      // State that a component shows is `$state`; a plain Map or Date beside it is meant to be plain.
      'svelte/prefer-svelte-reactivity': 'off',
      // `'' | Reason` and the like say to readers what the compiler folds.
      '@typescript-eslint/no-redundant-type-constituents': 'off',
    },
  },
  {
    files: ['**/*.svelte'],
    rules: {
      // Stylelint sees the style sheets; this, what a picture names in the markup.
      'no-restricted-syntax': [
        'error',
        {
          selector:
            'SvelteAttribute[key.name=/^(fill|stroke|stop-color|color|style)$/] > SvelteLiteral[value=/#[0-9a-f]{3}|rgb/i]',
          message: 'A colour is a token: src/ui/tokens.css, or a theme.css',
        },
      ],
    },
  },
  { files: ['**/*.svelte', '**/*.svelte.ts'], languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } } },
  {
    files: ['**/*.test.ts'],
    rules: { '@typescript-eslint/unbound-method': 'off', '@typescript-eslint/no-base-to-string': 'off' },
  },
  { files: ['scripts/**', '*.js', 'verify/*.js'], extends: [ts.configs.disableTypeChecked] },
);
