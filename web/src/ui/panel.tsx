// The frame of a side panel.

import type { ComponentChildren } from "preact";
import { Icon } from "./icons";
import { useCall } from "./use-call";

export function PanelFrame({ title, children }: { title: string; children: ComponentChildren }) {
  const call = useCall();
  return (
    <aside class="panel" aria-label={title}>
      <div class="panel-head">
        <h2>{title}</h2>
        <button class="plain" aria-label={`Close ${title.toLowerCase()}`} onClick={() => call.set({ panel: undefined })}>
          <Icon name="close" />
        </button>
      </div>
      {children}
    </aside>
  );
}
