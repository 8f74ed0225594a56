//! One child: started, watched, started again when it dies, ended when its turn comes.

use std::fs::{self, File};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use hyper::Method;
use service::shutdown::Shutdown;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{mpsc, watch};

use super::log;
use super::plan::{Kind, Plan};
use crate::ask::ask;
use crate::presence::Presence;

/// Between the death of a child and its next start.
const RESTART_PAUSE: Duration = Duration::from_secs(2);

/// For a child to end by itself when it is told to; a role takes 5 s at most.
const END_TIME_MAX: Duration = Duration::from_secs(8);

/// Between two questions whether it is ready.
const READY_INTERVAL: Duration = Duration::from_millis(100);

/// For a child to answer that.
const READY_TIME_MAX: Duration = Duration::from_secs(2);

/// What happened to a child.
#[derive(Debug)]
pub(super) enum Fact {
    /// it listens
    Up(Presence),
    /// why it cannot take work yet
    NotReady(String),
    Ready,
    /// with the end of its log
    Died {
        how: String,
        log: String,
    },
}

/// What decides about all children.
#[derive(Clone)]
pub(super) struct Orders {
    /// whoever is of this kind, or before it, ends
    pub(super) end: watch::Receiver<Option<Kind>>,
    /// everything ends at once
    pub(super) hurry: Shutdown,
    /// the dead are started again
    pub(super) restarts: bool,
}

impl Orders {
    async fn ended(&mut self, kind: Kind) {
        // The sender lives as long as the children; without it nobody is left to give orders.
        let _ = self.end.wait_for(|end| end.is_some_and(|end| kind <= end)).await;
    }
}

/// Where facts go, with the name of the child.
pub(super) type Facts = mpsc::Sender<(String, Fact)>;

/// Runs a child until it is ordered to end, or is dead for good.
pub(super) async fn tend(mut plan: Plan, mut orders: Orders, facts: Facts) {
    loop {
        let how = match live(&mut plan, &mut orders, &facts).await {
            Ok(None) => return,
            Ok(Some(how)) => how,
            Err(error) => format!("{error:#}"),
        };
        let died = Fact::Died { how, log: log::tail(&plan.log) };
        let _ = facts.send((plan.name.clone(), died)).await;
        if !orders.restarts {
            return;
        }
        tokio::select! {
            () = orders.ended(plan.kind) => return,
            () = tokio::time::sleep(RESTART_PAUSE) => {}
        }
    }
}

/// One life. `None`: it ended as ordered; otherwise how it died.
async fn live(plan: &mut Plan, orders: &mut Orders, facts: &Facts) -> anyhow::Result<Option<String>> {
    let mut child = spawn(plan)?;
    let input = child.stdin.take();
    let output = child.stdout.take().context("standard output was piped")?;
    let mut presence = None;
    let died = tokio::select! {
        status = child.wait() => Some(how(status?)),
        () = watch(&plan.name, BufReader::new(output).lines(), &mut presence, facts) => None,
        () = orders.ended(plan.kind) => None,
    };
    if died.is_none() {
        drop(input);
        end(&mut child, plan.kind, &orders.hurry).await;
    }
    if let Some(presence) = presence {
        plan.keep_ports(&presence);
    }
    Ok(died)
}

/// Tells how the child comes up; never returns.
async fn watch(
    name: &str,
    mut lines: Lines<BufReader<ChildStdout>>,
    seen: &mut Option<Presence>,
    facts: &Facts,
) {
    let tell = async |fact| {
        let _ = facts.send((name.to_owned(), fact)).await;
    };
    while let Ok(Some(line)) = lines.next_line().await {
        let Some(presence) = Presence::parse(&line) else { continue };
        *seen = Some(presence.clone());
        let admin = presence.admin;
        tell(Fact::Up(presence)).await;
        let mut reason = String::new();
        while let Some(admin) = admin {
            let why = match ask(admin, Method::GET, "/readyz", READY_TIME_MAX).await {
                Ok(answer) if answer.status.is_success() => break,
                Ok(answer) => answer.sentence(),
                Err(error) => format!("{error:#}"),
            };
            if why != reason {
                reason.clone_from(&why);
                tell(Fact::NotReady(why)).await;
            }
            tokio::time::sleep(READY_INTERVAL).await;
        }
        tell(Fact::Ready).await;
    }
    std::future::pending().await
}

fn spawn(plan: &Plan) -> anyhow::Result<Child> {
    let program = std::env::current_exe().context("the program does not find itself")?;
    Command::new(program)
        .args(&plan.arguments)
        .envs(plan.variables.iter().map(|(name, value)| (name, value)))
        // Ctrl-C on a terminal is for the parent, which ends its children in their order.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(open(&plan.log)?)
        .spawn()
        .with_context(|| format!("{} cannot be started", plan.name))
}

fn open(path: &Path) -> anyhow::Result<File> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let file = File::options().create(true).append(true).open(path);
    file.with_context(|| format!("{} cannot be written", path.display()))
}

/// Its input has ended: it goes by itself, or it is killed. A keeper of a foreign program is given its time in any case,
/// for that program would outlive it.
async fn end(child: &mut Child, kind: Kind, hurry: &Shutdown) {
    let impatience = async {
        match kind {
            Kind::Engine => std::future::pending().await,
            Kind::Router | Kind::Shard | Kind::Bridge => hurry.wait().await,
        }
    };
    tokio::select! {
        _ = child.wait() => return,
        () = tokio::time::sleep(END_TIME_MAX) => {}
        () = impatience => {}
    }
    if let Err(error) = child.kill().await {
        tracing::warn!(%error, "a child cannot be killed");
    }
}

fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("it ended with code {code}"),
        (None, Some(signal)) => format!("it was killed by signal {signal}"),
        (None, None) => "it ended".to_owned(),
    }
}
