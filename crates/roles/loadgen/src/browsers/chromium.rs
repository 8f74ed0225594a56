//! One browser: a process with a profile of its own, and one page in it.
//!
//! It is spoken to over two pipes: nobody else on the machine can reach it, as with a port, and it ends by itself when
//! the other ends of them are gone, however that came about.

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::Stdio;
use std::rc::Rc;

use rustix::process::{Pid, Signal, getuid, kill_process_group};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::devtools::Devtools;
use super::fault::Fault;
use super::profile_dir::ProfileDir;
use crate::limits::{
    BROWSER_END_TIME_MAX, BROWSER_MESSAGE_BYTES_MAX, BROWSER_START_TIME_MAX, BROWSER_WORDS_MAX,
};

/// It reads from the third file and writes to the fourth. A shell puts them there: without it that takes a call between
/// fork and exec, which is unsafe.
const PIPES: &str = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null";

const FLAGS: [&str; 17] = [
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-default-browser-check",
    "--window-size=1280,720",
    // a picture with a moving pie and a clock, and a beep each second; nobody is asked whether they may be used
    "--use-fake-device-for-media-stream=fps=30",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
    // whoever measures sits beside the server, and wants addresses and not the names of a network's mDNS
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns,LocalNetworkAccessChecks",
    // a window that nobody sees is a window
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    // no traffic of its own
    "--disable-background-networking",
    "--disable-component-update",
    // containers have 64 MiB there
    "--disable-dev-shm-usage",
];

/// How browsers are started.
#[derive(Clone, Debug)]
pub(super) struct Manner {
    pub(super) program: PathBuf,
    /// any certificate will do
    pub(super) insecure: bool,
    /// of the server, where it has no TLS: pages there may use cameras all the same
    pub(super) plain_origin: Option<String>,
}

pub(super) struct Chromium {
    devtools: Devtools,
    child: Child,
    /// it leads it; `None`: all of them were sent away
    group: Option<Pid>,
    /// the last line of its log that matters
    said: Rc<RefCell<String>>,
    /// who reads it
    listener: Option<JoinHandle<()>>,
    /// `Chrome/130.0`
    pub(super) version: String,
    _profile: ProfileDir,
}

impl Manner {
    fn flags(&self, profile: &ProfileDir) -> Vec<String> {
        let mut flags: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        if self.insecure {
            flags.push("--ignore-certificate-errors".to_owned());
        }
        flags.extend(
            self.plain_origin
                .iter()
                .map(|origin| format!("--unsafely-treat-insecure-origin-as-secure={origin}")),
        );
        // its sandbox refuses root
        if getuid().is_root() {
            flags.push("--no-sandbox".to_owned());
        }
        flags.push("about:blank".to_owned());
        flags
    }
}

impl Chromium {
    pub(super) async fn launch(manner: &Manner) -> Result<Self, Fault> {
        let unstarted = |error: std::io::Error| Fault::Unstarted(error.to_string());
        let profile = ProfileDir::make().map_err(unstarted)?;
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(PIPES).arg(&manner.program).args(manner.flags(&profile));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // an interrupt from the keyboard is for the load, which takes leave of its browsers
        command.process_group(0).kill_on_drop(true);
        let mut child = command.spawn().map_err(unstarted)?;
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(Fault::Unstarted("it has no pipes".to_owned()));
        };
        let said = Rc::default();
        let listener = Some(tokio::task::spawn_local(listen(stderr, Rc::clone(&said))));
        let devtools = Devtools::new(stdout, stdin);
        let mut chromium =
            Self { devtools, child, group, said, listener, version: String::new(), _profile: profile };
        let asked =
            chromium.devtools.call_within(BROWSER_START_TIME_MAX, "Browser.getVersion", json!({})).await;
        let version = chromium.explained(asked).await?;
        chromium.version =
            version["product"].as_str().unwrap_or_default().chars().take(BROWSER_WORDS_MAX).collect();
        Ok(chromium)
    }

    /// Opens a page in which `script` runs before all others. The one before is gone.
    pub(super) async fn open(&mut self, script: &str, url: &str) -> Result<(), Fault> {
        let target = self.call("Target.createTarget", json!({ "url": "about:blank" })).await?;
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = self.call("Target.attachToTarget", attach).await?;
        self.devtools.enter(attached["sessionId"].as_str().ok_or(Fault::Garbled)?.to_owned());
        self.call("Page.enable", json!({})).await?;
        self.call("Inspector.enable", json!({})).await?;
        self.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await?;
        let navigated = self.call("Page.navigate", json!({ "url": url })).await?;
        match navigated["errorText"].as_str().filter(|error| !error.is_empty()) {
            Some(error) => Err(Fault::Unloaded(error.to_owned())),
            None => Ok(()),
        }
    }

    /// Documents that the page loaded, the first included.
    pub(super) fn documents(&self) -> u32 {
        self.devtools.documents()
    }

    /// What this gives in the page; `None`: nothing, as between two documents.
    pub(super) async fn evaluate(&mut self, expression: &str) -> Result<Option<Value>, Fault> {
        let params = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        match self.call("Runtime.evaluate", params).await {
            Ok(mut answer) if answer["exceptionDetails"].is_null() => {
                Ok(Some(answer["result"]["value"].take()))
            }
            Ok(_) | Err(Fault::Refused(..)) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Its title and its text, or the beginning of it.
    pub(super) async fn shown(&mut self) -> String {
        let text = "[document.title, document.body && document.body.innerText].filter(Boolean).join(': ')";
        let shown = self.evaluate(text).await.ok().flatten();
        let words = shown.as_ref().and_then(Value::as_str).unwrap_or_default().split_whitespace();
        words.collect::<Vec<_>>().join(" ").chars().take(BROWSER_WORDS_MAX).collect()
    }

    /// Leaves the page as somebody does who goes elsewhere: it can take its leave.
    pub(super) async fn close(&mut self) {
        let _ = self.call("Page.navigate", json!({ "url": "about:blank" })).await;
        let _ = self.call("Page.close", json!({})).await;
        self.devtools.leave();
    }

    /// Ends it, by itself or not.
    pub(super) async fn end(&mut self) {
        self.devtools.leave();
        let gone = async {
            let _ = self.devtools.call("Browser.close", json!({})).await;
            let _ = self.child.wait().await;
        };
        let _ = timeout(BROWSER_END_TIME_MAX, gone).await;
        self.kill();
        let _ = timeout(BROWSER_END_TIME_MAX, self.child.wait()).await;
    }

    async fn call(&mut self, method: &'static str, params: Value) -> Result<Value, Fault> {
        let answer = self.devtools.call(method, params).await;
        self.explained(answer).await
    }

    /// Of a process that is gone: how it went.
    async fn explained(&mut self, answer: Result<Value, Fault>) -> Result<Value, Fault> {
        let Err(Fault::Ended(_)) = answer else { return answer };
        let status = timeout(BROWSER_END_TIME_MAX, self.child.wait()).await;
        let how = status
            .ok()
            .and_then(Result::ok)
            .map_or_else(|| "nobody knows how".to_owned(), |status| status.to_string());
        // its last words may not have been read yet
        if let Some(listener) = self.listener.take() {
            let _ = timeout(BROWSER_END_TIME_MAX, listener).await;
        }
        // what it says all day is no cause
        let said = self.said.borrow();
        let is_cause = !said.is_empty() && (self.version.is_empty() || is_fatal(&said));
        Err(Fault::Ended(if !is_cause { how } else { format!("{how}, and said {:?}", *said) }))
    }

    fn kill(&mut self) {
        if let Some(group) = self.group.take() {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Keeps the last line; one that tells of an end before any other.
async fn listen(log: impl AsyncRead + Unpin, said: Rc<RefCell<String>>) {
    let mut log = BufReader::new(log);
    let mut line = Vec::new();
    while let Ok(1..) = (&mut log).take(BROWSER_MESSAGE_BYTES_MAX as u64).read_until(b'\n', &mut line).await {
        let text = String::from_utf8_lossy(&line).trim().to_owned();
        line.clear();
        if !text.is_empty() && (is_fatal(&text) || !is_fatal(&said.borrow())) {
            *said.borrow_mut() = text.chars().take(BROWSER_WORDS_MAX).collect();
        }
    }
}

fn is_fatal(line: &str) -> bool {
    ["FATAL", "No usable sandbox", "error while loading"].iter().any(|word| line.contains(word))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use tokio::task::LocalSet;

    use super::*;

    /// A program that is none of a browser, but lives as one does.
    async fn launch(script: &str) -> (Result<Chromium, Fault>, ProfileDir) {
        let folder = ProfileDir::make().unwrap();
        let program = folder.path().join("browser");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        let manner = Manner { program, insecure: true, plain_origin: None };
        (Chromium::launch(&manner).await, folder)
    }

    /// One after the other: a program that is written while another thread forks cannot be run at once.
    #[test]
    fn how_one_ends_is_told() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            one_that_does_not_start().await;
            one_that_dies_later().await;
        });
    }

    async fn one_that_does_not_start() {
        let (launched, _folder) = launch("echo '[1:FATAL] no shelf' >&2; echo bye >&2; exit 3").await;
        let fault = launched.err().map(|fault| fault.to_string()).unwrap_or_default();
        assert!(fault.contains("exit status: 3") && fault.contains("no shelf"), "{fault}");
    }

    /// It tells its flags, dies of the next call, and leaves nothing behind.
    async fn one_that_dies_later() {
        let flags = "echo \"$*\" > \"$(dirname \"$0\")/flags\"";
        let dies = "dd bs=1 count=70 <&3 >/dev/null 2>&1\nkill -9 $$";
        let (launched, folder) = launch(&format!("echo noise >&2\n{ANSWER}\n{flags}\n{dies}")).await;
        let mut chromium = launched.unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!(chromium.version, "Chrome/1");
        let fault = chromium.open("", "http://127.0.0.1/").await.unwrap_err();
        assert_eq!(fault, Fault::Ended("signal: 9 (SIGKILL)".to_owned()));
        let flags = std::fs::read_to_string(folder.path().join("flags")).unwrap();
        let profile = flags.split("--user-data-dir=").nth(1).unwrap().split(' ').next().unwrap().to_owned();
        assert!(std::path::Path::new(&profile).exists() && flags.contains("--ignore-certificate-errors"));
        drop(chromium);
        assert!(!std::path::Path::new(&profile).exists());
    }

    const ANSWER: &str = "printf '{\"id\":1,\"result\":{\"product\":\"Chrome/1\"}}\\0' >&4";
}
