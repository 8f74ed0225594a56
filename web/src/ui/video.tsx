// A track on the page.

import { useEffect, useRef } from "preact/hooks";

export function Video({ track, mirrored = false, whole = false }: { track: MediaStreamTrack; mirrored?: boolean; whole?: boolean }) {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const video = element.current;
    if (!video) return;
    video.srcObject = new MediaStream([track]);
    void video.play().catch(() => undefined); // it plays as soon as there is a picture
    return () => {
      video.srcObject = null;
    };
  }, [track]);
  return <video ref={element} class={`${mirrored ? "mirrored" : ""} ${whole ? "whole" : ""}`} muted autoPlay playsInline />;
}

export function Sound({ track, device, blocked }: { track: MediaStreamTrack; device: string; blocked: () => void }) {
  const element = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    const audio = element.current;
    if (!audio) return;
    audio.srcObject = new MediaStream([track]);
    const play = () => audio.play().catch((error: DOMException) => error.name === "NotAllowedError" && blocked());
    void play();
    document.addEventListener("click", play);
    return () => {
      document.removeEventListener("click", play);
      audio.srcObject = null;
    };
  }, [track]);
  useEffect(() => {
    const audio = element.current as (HTMLAudioElement & { setSinkId?: (id: string) => Promise<void> }) | null;
    if (device !== "") void audio?.setSinkId?.(device).catch(() => undefined); // an unplugged device: the usual one
  }, [device]);
  return <audio ref={element} autoPlay />;
}
