// The entry: which room, which configuration, and the first drawing.

import { render } from "preact";
import { readConfig } from "../protocol/config";
import { readPlace } from "../protocol/place";
import { App } from "./app";
import { Call } from "./call";
import "./style/base.css";
import "./style/pages.css";
import "./style/meeting.css";
import "./style/panels.css";

const place = readPlace(location);
const call = new Call(readConfig((window as { config?: unknown }).config, location, place.tenant), place);
const root = document.getElementById("app");
if (root) render(<App call={call} />, root);
