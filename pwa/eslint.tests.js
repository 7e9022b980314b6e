// For the programs in ../tests, which are plain JavaScript; run from that folder.
import { join } from 'node:path';
import js from '@eslint/js';
import ts from 'typescript-eslint';

export default ts.config(js.configs.recommended, {
  files: ['**/*.mjs'],
  plugins: { '@typescript-eslint': ts.plugin },
  languageOptions: {
    parser: ts.parser,
    parserOptions: { projectService: true, tsconfigRootDir: join(import.meta.dirname, '../tests') },
  },
  rules: {
    eqeqeq: 'error',
    'no-undef': 'off',
    'no-unused-vars': 'off',
    '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    '@typescript-eslint/await-thenable': 'error',
    '@typescript-eslint/no-misused-promises': 'error',
    '@typescript-eslint/no-floating-promises': [
      'error',
      { allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: 'test' }] },
    ],
  },
});
