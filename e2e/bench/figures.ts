import { percentile, table } from './machine.ts';

/** What a figure must stay under; what is not there is not asked. */
export interface Wanted {
  medianMs?: number;
  worstMs?: number;
  p99Ms?: number;
  /** of a count: no more of it in all */
  count?: number;
}

/** One line of the table. */
export type Figure =
  | { what: string; wanted?: Wanted; timesMs: number[] }
  | { what: string; wanted?: Wanted; count: number; of?: string };

const HEAD = ['figure', 'median', 'p99', 'worst', 'of', 'wanted', ''];

export function print(figures: Figure[]): void {
  table(HEAD, figures.map(row));
}

function row(figure: Figure): string[] {
  const wanted = [figure.wanted ? words(figure.wanted) : '', verdict(figure)];
  if ('count' in figure) return [figure.what, '', '', `${figure.count}`, figure.of ?? '', ...wanted];
  const values = figure.timesMs;
  if (values.length === 0) return [figure.what, '', '', 'nothing measured', '', ...wanted];
  // of a few values the 99th percentile is the worst
  const parts = [0.5, 0.99, 1].map((part) => (part === 0.99 && values.length < 100 ? '' : ms(percentile(values, part))));
  return [figure.what, ...parts, `${values.length}`, ...wanted];
}

function verdict(figure: Figure): string {
  const { wanted } = figure;
  if (!wanted) return '';
  if ('count' in figure) return figure.count <= (wanted.count ?? 0) ? 'ok' : 'MISSED';
  const under = (part: number, bound: number | undefined): boolean =>
    bound === undefined || percentile(figure.timesMs, part) < bound;
  const met = under(0.5, wanted.medianMs) && under(0.99, wanted.p99Ms) && under(1, wanted.worstMs);
  return met ? 'ok' : 'MISSED';
}

function words({ medianMs, p99Ms, worstMs, count }: Wanted): string {
  const bounds = Object.entries({ median: medianMs, p99: p99Ms, worst: worstMs });
  const told = bounds.filter(([, bound]) => bound !== undefined).map(([name, bound]) => `${name} < ${bound} ms`);
  return count === undefined ? told.join(', ') : `${count}`;
}

function ms(value: number): string {
  return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
}
