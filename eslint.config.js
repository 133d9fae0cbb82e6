import unicorn from 'eslint-plugin-unicorn';
import tseslint from 'typescript-eslint';
import { importRules, layerRules, ownedLibraries } from './tools/import-rules.js';

const packageName = (name) => (name === 'cli' ? 'microtune' : `@microtune/${name}`);

/** Import patterns a package must not use, each with its reason. */
function restrictedImports(name, extra = []) {
  const { may, why } = importRules[name];
  const others = Object.keys(importRules).filter((other) => other !== name && !may.includes(other));
  const foreign = Object.entries(ownedLibraries).filter(([, { owners }]) => !owners.includes(name));
  return [
    'error',
    {
      patterns: [
        ...others.map((other) => ({
          group: [packageName(other), `${packageName(other)}/*`],
          message: `${name} may import only [${may.join(', ')}]: ${why}.`,
        })),
        ...foreign.map(([library, { owners, why: reason }]) => ({
          group: [library, `${library}/*`],
          message: `only ${owners.join(' and ')} import ${library}: ${reason}.`,
        })),
        {
          group: ['./index.js', '../index.js', '../../index.js'],
          message: 'index.ts is for other packages: import the file itself.',
        },
        ...extra,
      ],
    },
  ];
}

const noProcessState = {
  'no-restricted-properties': [
    'error',
    { object: 'process', property: 'argv', message: 'only cli reads argv: take an argument.' },
    {
      object: 'process',
      property: 'env',
      message: 'only cli reads the environment: take an argument.',
    },
    {
      object: 'Math',
      property: 'random',
      message: 'randomness comes from a seed you were handed.',
    },
    { object: 'Date', property: 'now', message: 'time comes from the Clock you were handed.' },
  ],
};

export default tseslint.config(
  {
    ignores: [
      '**/dist/**',
      'packages/cli/bundle/**',
      '**/assembly/**',
      '.peers/**',
      '.nx/**',
      'runs/**',
      '**/bin/**',
    ],
  },
  ...tseslint.configs.strict,
  {
    plugins: { unicorn },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'unicorn/filename-case': ['error', { case: 'kebabCase' }],
      // Loops over typed arrays read what their bounds guarantee; noUncheckedIndexedAccess cannot know it.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      'max-params': ['error', { max: 4 }],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['packages/*/src/**/*.ts'],
    ignores: ['**/*.test.ts'],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: "NewExpression[callee.name='Error']",
          message: 'use MicrotuneError: an error carries a code and what to do.',
        },
        { selector: 'TSEnumDeclaration', message: 'use a string union or an `as const` table.' },
        { selector: 'ExportAllDeclaration', message: 'name what is public.' },
      ],
    },
  },
  ...Object.keys(importRules).map((name) => ({
    files: [`packages/${name}/src/**/*.ts`],
    rules: {
      'no-restricted-imports': restrictedImports(name),
      ...(name === 'cli' ? {} : noProcessState),
    },
  })),
  ...layerRules.map((rule) => ({
    files: [`packages/${rule.package}/src/${rule.folder}/**/*.ts`],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-imports': restrictedImports(
        rule.package,
        rule.not.map((folder) => ({
          group: [`**/${folder}/*`],
          message: `${rule.folder} must not import ${folder}: ${rule.why}.`,
        })),
      ),
    },
  })),
  {
    files: ['packages/cli/src/**/*.ts', 'tools/**', 'examples/**', 'benchmarks/**', 'tests/**'],
    rules: { 'no-console': 'off' },
  },
);
