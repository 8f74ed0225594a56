import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders = new Set<string>();
process.once('exit', () => folders.forEach(discard));

/** A folder of one's own; it is gone when this process is, however that ends short of SIGKILL. */
export function scratch(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `althing-${name}-`));
  folders.add(folder);
  return folder;
}

/** Before that. Whoever writes there should be dead; one who is about to die is waited for. */
export function discard(folder: string): void {
  folders.delete(folder);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
