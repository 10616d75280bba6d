// The application: who is signed in, and which page is shown.

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { session, whenSignedOut, type Session } from "./lib/api";
import { told } from "./lib/load";
import { apply } from "./lib/theme";
import { Who } from "./lib/who";
import { Problem } from "./parts/basics";
import { Toasts } from "./parts/toast";
import { Login } from "./pages/login";
import { Shell } from "./shell";
import "uplot/dist/uPlot.min.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/data.css";
import "./styles/shell.css";
import "./styles/pages.css";

apply();

function Application() {
  const [known, setKnown] = useState<Session>();
  const [error, setError] = useState<string>();
  const look = () => {
    setError(undefined);
    session.show().then(setKnown, (error) => setError(told(error)));
  };
  useEffect(() => {
    look();
    whenSignedOut(look);
  }, []);
  const signOut = async () => setKnown(await session.end());
  if (!known) return error ? <main class="alone"><Problem onRetry={look}>{error}</Problem></main> : null;
  return (
    <>
      {known.caller ? (
        <Who.Provider value={known}>
          <Shell onSignOut={signOut} />
        </Who.Provider>
      ) : (
        <Login known={known} onSignedIn={setKnown} />
      )}
      <Toasts />
    </>
  );
}

const place = document.getElementById("app");
if (place) render(<Application />, place);
