import { killAll } from '../../support/process.ts';
import { percentile, rows } from '../machine.ts';

/** A number that both sides get. */
export interface Figure {
  key: string;
  name: string;
  unit: string;
  /** what is good; the ratio is told as it is, this says how to read it */
  better: 'less' | 'more' | 'the same';
}

/** What one turn of one side measured, by the keys of the figures. */
export type Sample = Record<string, number>;

/** The same work for both sides. */
export interface Contest {
  name: string;
  /** the stock part's name */
  peer: string;
  figures: Figure[];
  /** a turn with fresh processes, its warm-up not in the sample */
  ours: () => Promise<Sample>;
  theirs: () => Promise<Sample>;
}

/** A contest and its turns, those left out that failed. */
export interface Outcome {
  contest: Contest;
  repeats: number;
  ours: Sample[];
  theirs: Sample[];
}

/** Turns one after the other, the stock part first, so that whatever else the machine does falls on both. */
export async function alternate(contest: Contest, repeats: number): Promise<Outcome> {
  const outcome: Outcome = { contest, repeats, ours: [], theirs: [] };
  for (let turn = 1; turn <= repeats; turn += 1) {
    for (const [side, name] of [['theirs', contest.peer], ['ours', 'Althing']] as const) {
      const what = `${contest.name}, ${name}, ${turn} of ${repeats}`;
      try {
        const sample = await contest[side]();
        outcome[side].push(sample);
        console.log(`${what}: ${told(contest, sample)}`);
      } catch (error) {
        console.error(`${what} failed:`, error);
        await killAll();
      }
    }
  }
  return outcome;
}

/** Lines of a table: the ratio first, then medians with the least and the greatest. */
export function written({ contest, repeats, ours, theirs }: Outcome): string[] {
  const of = (samples: Sample[]): string => (samples.length < repeats ? `, ${samples.length} of ${repeats} turns` : '');
  const head = [contest.name, 'ratio', `Althing${of(ours)}`, `${contest.peer}${of(theirs)}`, 'better'];
  return rows(
    head,
    contest.figures.map(({ key, name, unit, better }) => {
      const [we, they] = [ours, theirs].map((samples) => samples.map((sample) => sample[key] ?? Number.NaN));
      return [`${name}, ${unit}`, ratio(median(we!), median(they!)), spread(we!), spread(they!), better];
    }),
  );
}

function told({ figures }: Contest, sample: Sample): string {
  return figures.map(({ key, name, unit }) => `${name} ${short(sample[key] ?? Number.NaN)} ${unit}`).join(', ');
}

function ratio(ours: number, theirs: number): string {
  // below what ticks of 10 ms and pages of 4 KiB can tell
  return ours >= 0 && theirs > 0 ? (ours / theirs).toFixed(2) : 'none';
}

function spread(values: number[]): string {
  if (values.length === 0) return short(Number.NaN);
  return `${short(median(values))} (${short(Math.min(...values))} - ${short(Math.max(...values))})`;
}

function median(values: number[]): number {
  return percentile(values, 0.5);
}

/** Three digits that count. */
function short(value: number): string {
  if (!Number.isFinite(value)) return 'not measured';
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 4));
}
