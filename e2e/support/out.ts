import { fileURLToPath } from 'node:url';

/** Where screenshots and the logs of failures go. */
export const OUT = fileURLToPath(new URL('../out/', import.meta.url));
