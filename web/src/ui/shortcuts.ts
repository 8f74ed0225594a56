// One key for what the toolbar does, as long as nobody is typing.

import type { Call } from "./call";

export const SHORTCUTS: { key: string; what: string; act: (call: Call) => void }[] = [
  { key: "m", what: "Microphone on or off", act: (call) => void call.toggleMic() },
  { key: "v", what: "Camera on or off", act: (call) => void call.toggleCamera() },
  { key: "s", what: "Share your screen", act: (call) => void call.toggleShare() },
  { key: "c", what: "Chat", act: (call) => call.togglePanel("chat") },
  { key: "p", what: "People", act: (call) => call.togglePanel("people") },
  { key: "r", what: "Raise or lower your hand", act: (call) => call.toggleHand() },
  { key: "l", what: "Grid or speaker", act: (call) => call.toggleLayout() },
  { key: "i", what: "Invite and meeting options", act: (call) => call.set({ dialog: "meeting" }) },
  { key: "?", what: "This list", act: (call) => call.set({ dialog: "help" }) },
];

export function listenForShortcuts(call: Call): () => void {
  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target)) return;
    if (event.key === "Escape" && !call.dialog) return call.set({ panel: undefined });
    const shortcut = SHORTCUTS.find((one) => one.key === event.key.toLowerCase());
    if (!shortcut || call.dialog || call.state.phase === "password") return;
    event.preventDefault();
    shortcut.act(call);
  };
  document.addEventListener("keydown", press);
  return () => document.removeEventListener("keydown", press);
}

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
