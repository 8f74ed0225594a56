// Every bound of the protocol layer. Times in milliseconds.

/** of a room's name, before it is encoded */
export const ROOM_CHARACTERS_MAX = 200;

/** one incoming frame, in characters; stock servers stop at 256 KiB */
export const FRAME_LENGTH_MAX = 1 << 20;
/** stanzas sent and not yet acknowledged; beyond it the session is given up and joined afresh */
export const UNACKED_MAX = 1000;
/** our own `<r/>` follows so many stanzas */
export const ACK_REQUEST_EVERY = 5;

export const IQ_TIMEOUT = 10_000;
/** one attempt to open a stream: long, since a router may hold it open while another node takes over */
export const ATTEMPT_TIMEOUT = 20_000;
export const PING_INTERVAL = 10_000;
export const PING_TIMEOUT = 5_000;

/** how long a lost stream is resumed before a fresh session is asked for */
export const RESUME_FOR = 90_000;
/** how long anything is tried before the meeting is given up */
export const RETRY_FOR = 600_000;

export const OCCUPANTS_MAX = 1000;
export const CHAT_LINES_MAX = 1000;
export const CHAT_LENGTH_MAX = 10_000;
export const SOURCES_MAX = 400;
/** bridge channel messages, in characters */
export const CHANNEL_MESSAGE_MAX = 256 * 1024;

/**
 * Pauses before the media session is asked for anew after it failed; the last one repeats. A stock focus refuses a
 * second wish within 5 s and a sixth within a minute.
 */
export const RESTART_PAUSES = [1000, 6000, 10_000, 15_000];
/** so long after the last wish the pauses begin from the first */
export const RESTARTS_FORGOTTEN_AFTER = 60_000;
/** least time between two times that the room is left and joined for want of a media session: the others see it */
export const REJOIN_DISTANCE = 30_000;
/** without a connection there is nothing to leave or join; then it is tried again so soon */
export const REJOIN_RETRY = 1000;
export const STATS_INTERVAL = 10_000;
export const CONSTRAINTS_PAUSE = 100;
