import { defineConfig } from 'vitest/config';

/** The upstream client's scenarios are part of the run only where a build of it was given. */
const upstream = process.env['ALTHING_UPSTREAM'] ? ['upstream/**/*.test.ts'] : [];

export default defineConfig({
  test: {
    include: ['scenarios/**/*.test.ts', ...upstream],
    pool: 'forks',
    // A scenario has the machine for itself: two cores carry one meeting of three.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    reporters: ['verbose'],
  },
});
