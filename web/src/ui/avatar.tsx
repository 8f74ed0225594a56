// Somebody without a picture: initials on a colour of their own.

export function Avatar({ name, seed }: { name: string; seed: string }) {
  return (
    <div class="avatar" style={{ "--hue": hue(seed) }} aria-hidden="true">
      <span>{initials(name)}</span>
    </div>
  );
}

function initials(name: string): string {
  const words = name.split(/\s+/).filter((word) => word !== "");
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return letters.map((word) => Array.from(word ?? "")[0]?.toUpperCase() ?? "").join("");
}

function hue(seed: string): number {
  let sum = 7;
  for (const character of seed) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 360;
  return sum;
}
