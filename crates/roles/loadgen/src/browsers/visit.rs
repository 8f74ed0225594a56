//! One browser in its room, from its page load to its leave.

use std::cell::RefCell;
use std::rc::Rc;

use participant::Time;
use tokio::sync::{Mutex, watch};

use super::chromium::Chromium;
use super::fault::Fault;
use super::reading::Reading;
use crate::limits::{BROWSER_JOIN_TIME_MAX, BROWSER_LOOK_INTERVAL, BROWSER_MUTE_TIME_MAX};
use crate::run::Stage;
use crate::seat::{Hall, left};

/// A browser that waits, or why there is none.
pub(super) type Waiting = Rc<Mutex<Result<Chromium, Fault>>>;

/// Who goes where.
pub(super) struct Errand {
    /// of the participant whose place it takes
    pub(super) number: u32,
    /// name of the room
    pub(super) room: String,
    pub(super) url: String,
    pub(super) script: String,
}

/// Until the run is over, or the sender of `leave` is dropped.
pub(super) async fn visit(
    hall: Rc<Hall>,
    waiting: Waiting,
    errand: Errand,
    mut stage: watch::Receiver<Stage>,
    mut leave: watch::Receiver<()>,
    quiet: Rc<RefCell<u64>>,
) {
    // somebody who comes back may be faster than the leave
    let mut waiting = waiting.lock().await;
    hall.tally.borrow_mut().browser_opens(errand.number, &errand.room);
    let fault = match &mut *waiting {
        Ok(chromium) => {
            let mut visit = Visit {
                hall: &hall,
                errand: &errand,
                chromium,
                documents: 1,
                opened: hall.now.get(),
                heard: hall.now.get(),
                is_in: false,
            };
            visit.stay(&mut stage, &mut leave, &quiet).await.err()
        }
        Err(fault) => Some(fault.clone()),
    };
    let Some(fault) = fault else { return hall.tally.borrow_mut().browser_goes(errand.number) };
    hall.tally.borrow_mut().browser_fails(hall.now.get(), errand.number, &fault);
    if let Ok(mut chromium) = std::mem::replace(&mut *waiting, Err(fault)) {
        chromium.end().await;
    }
}

struct Visit<'a> {
    hall: &'a Hall,
    errand: &'a Errand,
    chromium: &'a mut Chromium,
    /// that were counted
    documents: u32,
    /// the last of them
    opened: Time,
    /// when the page told something last
    heard: Time,
    is_in: bool,
}

impl Visit<'_> {
    async fn stay(
        &mut self,
        stage: &mut watch::Receiver<Stage>,
        leave: &mut watch::Receiver<()>,
        quiet: &RefCell<u64>,
    ) -> Result<(), Fault> {
        self.chromium.open(&self.errand.script, &self.errand.url).await?;
        (self.opened, self.heard) = (self.hall.now.get(), self.hall.now.get());
        loop {
            tokio::select! {
                biased;
                _ = stage.wait_for(|stage| *stage != Stage::Running) => break,
                () = left(leave) => {
                    self.look().await?;
                    self.chromium.close().await;
                    return Ok(());
                }
                () = tokio::time::sleep(BROWSER_LOOK_INTERVAL) => self.look().await?,
            }
        }
        // from here on nobody sends, and what is not seen is no finding
        self.look().await?;
        self.hall.tally.borrow_mut().browser_stays(self.errand.number);
        *quiet.borrow_mut() += 1;
        let _ = stage.wait_for(|stage| *stage == Stage::Over).await;
        self.chromium.close().await;
        self.chromium.end().await;
        Ok(())
    }

    async fn look(&mut self) -> Result<(), Fault> {
        let told = self.chromium.evaluate("althingStats()").await?;
        let now = self.hall.now.get();
        while self.documents < self.chromium.documents() {
            self.documents += 1;
            (self.opened, self.is_in) = (now, false);
            self.hall.tally.borrow_mut().browser_reloads(now, self.errand.number);
        }
        if let Some(reading) = told.and_then(Reading::parse) {
            self.heard = now;
            self.is_in |= reading.is_in();
            self.hall.tally.borrow_mut().browser_reads(self.errand.number, reading);
        }
        let is_late = |since: Time, most| now.saturating_sub(since) > most;
        if is_late(self.heard, BROWSER_MUTE_TIME_MAX)
            || !self.is_in && is_late(self.opened, BROWSER_JOIN_TIME_MAX)
        {
            return Err(Fault::Outside(self.chromium.shown().await));
        }
        Ok(())
    }
}
