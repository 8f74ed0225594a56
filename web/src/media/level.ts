// How loud a microphone is, for a meter.

const INTERVAL = 80;

/** Calls back with 0 to 1 until the returned function is called. */
export function watchLevel(track: MediaStreamTrack, report: (level: number) => void): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    // -50 dB and below is an empty bar, 0 dB a full one.
    const level = 1 + (10 * Math.log10(power + 1e-9)) / 50;
    report(Math.max(0, Math.min(1, level)));
  }, INTERVAL);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}
