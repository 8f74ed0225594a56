// A dialog over the page: the browser keeps the focus inside and closes it on Escape.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./icons";

export function Modal({ title, close, children }: { title: string; close?: () => void; children: ComponentChildren }) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    if (dialog && !dialog.open) dialog.showModal?.();
  }, []);
  const cancel = (event: Event) => {
    event.preventDefault();
    close?.();
  };
  return (
    <dialog ref={element} class="modal" aria-label={title} onCancel={cancel} onClick={(event) => event.target === element.current && close?.()}>
      <div class="modal-body">
        <div class="panel-head">
          <h2>{title}</h2>
          {close && (
            <button class="plain" aria-label="Close" onClick={close}>
              <Icon name="close" />
            </button>
          )}
        </div>
        {children}
      </div>
    </dialog>
  );
}
