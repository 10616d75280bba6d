// What just happened, for a moment, and told to screen readers.

import { useEffect, useState } from "preact/hooks";
import { Icon } from "./icon";

interface Told {
  id: number;
  text: string;
  tone: "good" | "bad";
}

let tell: (one: Told) => void = () => {};
let last = 0;

export function toast(text: string, tone: "good" | "bad" = "good") {
  tell({ id: ++last, text, tone });
}

export function Toasts() {
  const [shown, setShown] = useState<Told[]>([]);
  useEffect(() => {
    tell = (one) => {
      setShown((all) => [...all.slice(-3), one]);
      setTimeout(() => setShown((all) => all.filter((other) => other.id !== one.id)), one.tone === "bad" ? 7_000 : 3_500);
    };
  }, []);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.map((one) => (
        <div key={one.id} class={`toast ${one.tone}`}>
          <Icon name={one.tone === "bad" ? "warn" : "check"} />
          {one.text}
        </div>
      ))}
    </div>
  );
}
