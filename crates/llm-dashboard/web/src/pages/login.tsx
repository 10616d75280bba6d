// Signing in: with a key, or with the administrator's name and password.

import { useState } from "preact/hooks";
import { session, type Session } from "../lib/api";
import { told } from "../lib/load";
import { Button, Problem, Segments } from "../parts/basics";
import { Input } from "../parts/form";

export function Login({ known, onSignedIn }: { known: Session; onSignedIn: (to: Session) => void }) {
  const [way, setWay] = useState<"key" | "password">("key");
  const [key, setKey] = useState("");
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      onSignedIn(await session.begin(way === "key" ? { key } : { username, password }));
    } catch (error) {
      setError(told(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="login">
      <form onSubmit={submit} class="login-card">
        <svg viewBox="0 0 32 32" width="36" height="36" fill="none" aria-hidden="true">
          <rect width="32" height="32" rx="8" fill="var(--accent)" />
          <path d="M8 10h5.500c3 0 5 2.700 5 6s2 6 5 6H24" stroke="var(--on-accent)" stroke-width="2.600" stroke-linecap="round" />
          <path d="M8 22h3.500c1.800 0 3.100-.9 4-2.300M24 10h-1.500c-1.600 0-2.800.8-3.700 2" stroke="var(--on-accent)" stroke-opacity=".6" stroke-width="2.600" stroke-linecap="round" />
        </svg>
        <div>
          <h1>Sign in to the gateway</h1>
          <p class="about">Administrators use the master key. Everybody else sees what belongs to their own key.</p>
        </div>
        {known.has_password && (
          <Segments label="How to sign in" value={way} options={[["key", "Key"], ["password", "Name and password"]]} onChange={setWay} />
        )}
        {way === "key" ? (
          <Input key="key" label="Key" type="password" value={key} onChange={setKey} placeholder="sk-…" required autofocus autocomplete="current-password" />
        ) : (
          <>
            <Input key="name" label="Name" value={username} onChange={setUsername} required autofocus autocomplete="username" />
            <Input key="password" label="Password" type="password" value={password} onChange={setPassword} required autocomplete="current-password" />
          </>
        )}
        {error && <Problem>{error}</Problem>}
        <Button look="primary" type="submit" busy={busy}>
          Sign in
        </Button>
      </form>
      <p class="login-foot">llm-server {known.version}</p>
    </main>
  );
}
