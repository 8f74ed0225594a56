// Which page is shown: start, pre-join, meeting.

import { useEffect, useState } from "preact/hooks";
import type { Call } from "./call";
import { MeetingPage } from "./meeting-page";
import { PrejoinPage } from "./prejoin-page";
import { StartPage } from "./start-page";
import { CallContext } from "./use-call";

export function App({ call }: { call: Call }) {
  const { room, skipPrejoin } = call.place;
  const [entered, enter] = useState(skipPrejoin);
  useEffect(() => {
    if (room === "") return;
    document.title = `${room} · Althing`;
    void call.openDevices().then(() => {
      if (skipPrejoin) call.tellProblem();
    });
    if (skipPrejoin) call.join();
  }, [call]);
  if (room === "") return <StartPage />;
  const join = () => {
    call.join();
    enter(true);
  };
  return <CallContext.Provider value={call}>{entered ? <MeetingPage /> : <PrejoinPage join={join} />}</CallContext.Provider>;
}
