// Components read the call from a context and are drawn again when it changes.

import { createContext } from "preact";
import { useContext, useEffect, useReducer } from "preact/hooks";
import type { Call } from "./call";

export const CallContext = createContext<Call | undefined>(undefined);

export function useCall(): Call {
  const call = useContext(CallContext);
  if (!call) throw new Error("used outside of a call");
  const [, draw] = useReducer((count: number) => count + 1, 0);
  useEffect(() => call.subscribe(() => draw(undefined)), [call]);
  return call;
}
