// The smallest application around an unmodified lib-jitsi-meet: it joins with the server's own config.js, as the stock
// web application does, and keeps what the scenarios ask for in window.client.
'use strict';

const client = {
  state: 'new',
  nick: '',
  errors: [],
  messages: [],
  privateMessages: [],
  users: [],
  p2p: false,
  resumed: 0,
  conference: undefined,
  connection: undefined,
  local: {},
  remote: [],
};
window.client = client;

/** What the stock application makes of config.js: the room goes into the query, the rest is handed on. */
function optionsFor(room, overrides) {
  const config = { ...window.config, ...overrides };
  const query = `room=${encodeURIComponent(room.toLowerCase())}`;
  const withRoom = (url) => (url ? `${url}${url.includes('?') ? '&' : '?'}${query}` : undefined);
  return {
    ...config,
    serviceUrl: withRoom(config.websocket || config.bosh),
    websocketKeepAliveUrl: withRoom(config.websocketKeepAliveUrl),
    conferenceRequestUrl: withRoom(config.conferenceRequestUrl),
    bosh: undefined,
    enableWebsocketResume: true,
    disableAudioLevels: false,
  };
}

async function enter(room, name, overrides) {
  JitsiMeetJS.setLogLevel(JitsiMeetJS.logLevels.WARN);
  const options = optionsFor(room, overrides);
  JitsiMeetJS.init({ ...options, enableAnalyticsLogging: false });
  const tracks = await JitsiMeetJS.createLocalTracks({ devices: ['audio', 'video'], resolution: 720 });
  for (const track of tracks) client.local[track.getType()] = track;
  await connect(options);
  const conference = client.connection.initJitsiConference(room.toLowerCase(), options);
  client.conference = conference;
  listen(conference);
  conference.setDisplayName(name);
  for (const track of tracks) await conference.addTrack(track);
  conference.join();
}

function connect(options) {
  const connection = new JitsiMeetJS.JitsiConnection(null, null, options);
  client.connection = connection;
  const events = JitsiMeetJS.events.connection;
  connection.addEventListener(events.CONNECTION_FAILED, (error, message) => {
    client.state = 'failed';
    client.errors.push(`connection failed: ${error} ${message ?? ''}`);
  });
  return new Promise((resolve) => {
    let established = false;
    connection.addEventListener(events.CONNECTION_ESTABLISHED, () => {
      if (established) client.resumed += 1;
      established = true;
      resolve();
    });
    connection.connect();
  });
}

function listen(conference) {
  const events = JitsiMeetJS.events.conference;
  conference.on(events.CONFERENCE_JOINED, () => {
    client.state = 'joined';
    client.nick = conference.myUserId();
    conference.setReceiverConstraints({ lastN: -1, defaultConstraints: { maxHeight: 720 } });
  });
  conference.on(events.CONFERENCE_FAILED, (error) => {
    client.state = 'failed';
    client.errors.push(`conference failed: ${error}`);
  });
  conference.on(events.CONFERENCE_ERROR, (error) => client.errors.push(`conference error: ${error}`));
  conference.on(events.KICKED, () => (client.state = 'kicked'));
  conference.on(events.USER_JOINED, (id) => client.users.push(id));
  conference.on(events.USER_LEFT, (id) => (client.users = client.users.filter((user) => user !== id)));
  conference.on(events.P2P_STATUS, (_, active) => (client.p2p = active));
  conference.on(events.MESSAGE_RECEIVED, (from, text) => client.messages.push({ from, text }));
  conference.on(events.PRIVATE_MESSAGE_RECEIVED, (from, text) => client.privateMessages.push({ from, text }));
  conference.on(events.TRACK_ADDED, show);
  conference.on(events.TRACK_REMOVED, hide);
}

function show(track) {
  if (track.isLocal()) return;
  const element = document.createElement(track.getType());
  element.autoplay = true;
  document.body.append(element);
  track.attach(element);
  client.remote.push({ track, element, owner: track.getParticipantId(), type: track.getType() });
}

function hide(track) {
  client.remote = client.remote.filter((shown) => {
    if (shown.track !== track) return true;
    shown.element.remove();
    return false;
  });
}

/** Starts to join; what becomes of it is in window.client. */
window.join = (room, name, overrides) => {
  enter(room, name, overrides).catch((error) => client.errors.push(`could not join: ${error}`));
};
