import { defineConfig } from 'vitest/config';

// What takes minutes and is not part of `npm test`: npx nx soak tests
export default defineConfig({
  test: {
    include: ['tests/soak/*.soak.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 600_000,
  },
});
