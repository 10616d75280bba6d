// Dialogs over the page: the browser keeps the focus inside, and Esc closes them.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { told } from "../lib/load";
import { Button, Problem } from "./basics";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  /** A panel at the side, for what is long. */
  side?: boolean;
  wide?: boolean;
}

export function Dialog({ title, onClose, children, side, wide }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    if (element && !element.open) element.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      class={side ? "side" : wide ? "wide" : undefined}
      aria-label={title}
      onClose={onClose}
      onMouseDown={(event) => event.target === dialog.current && onClose()}
    >
      <div class="dialog">
        <header>
          <h2>{title}</h2>
          <Button look="quiet" icon="close" label="Close" onClick={onClose} />
        </header>
        {children}
      </div>
    </dialog>
  );
}

/** A dialog with a form: what goes wrong is shown in it, and it stays open. */
export function FormDialog({ title, onClose, children, side, wide, save, action, danger }: DialogProps & { save: () => Promise<void>; action: string; danger?: boolean }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await save();
    } catch (error) {
      setError(told(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose} side={side} wide={wide}>
      <form onSubmit={submit}>
        <div class="dialog-body">{children}</div>
        {error && <Problem>{error}</Problem>}
        <footer>
          <Button look="quiet" onClick={onClose}>
            Cancel
          </Button>
          <Button look={danger ? "danger" : "primary"} type="submit" busy={busy}>
            {action}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

/** Asks before something that cannot be undone. */
export function Confirm({ title, children, action, onClose, run, danger = true }: { title: string; children: ComponentChildren; action: string; onClose: () => void; run: () => Promise<void>; danger?: boolean }) {
  return (
    <FormDialog title={title} onClose={onClose} save={run} action={action} danger={danger}>
      <div class="prose">{children}</div>
    </FormDialog>
  );
}
