//! Several guests who all talk at once.

use std::net::SocketAddr;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Guest, PATIENCE};

/// Guests who all say their lines.
pub(crate) struct Chat {
    guests: Vec<JoinHandle<Guest>>,
    said: Vec<watch::Receiver<usize>>,
    /// of each
    lines: usize,
}

impl Chat {
    /// All of them are in the room before the first line is said.
    pub(crate) async fn begin(router: SocketAddr, guests: usize, lines: usize) -> Self {
        let mut present = Vec::new();
        for _ in 0..guests {
            present.push(Guest::joined(router).await);
        }
        let (mut guests, mut said) = (Vec::new(), Vec::new());
        for (name, guest) in present.into_iter().enumerate() {
            let (tell, told) = watch::channel(0);
            guests.push(tokio::spawn(guest.chats(name, lines, tell)));
            said.push(told);
        }
        Self { guests, said, lines }
    }

    /// Everybody has said so many lines.
    pub(crate) async fn at(&self, lines: usize) {
        for said in &self.said {
            let mut said = said.clone();
            tokio::time::timeout(PATIENCE, said.wait_for(|said| *said >= lines)).await.unwrap().unwrap();
        }
    }

    /// Everybody hears every line once, in the same order, on the socket that he began with.
    pub(crate) async fn check(self) {
        let (guests, mut all) = (self.guests.len(), Vec::new());
        for guest in self.guests {
            all.push(tokio::time::timeout(PATIENCE, guest).await.unwrap().unwrap());
        }
        for guest in &mut all {
            guest.hear_lines(guests * self.lines).await;
        }
        let first = &all[0].lines;
        for guest in &all {
            assert_eq!(&guest.lines, first);
        }
        for name in 0..guests {
            let his = first.iter().filter(|line| line.starts_with(&format!("{name}-")));
            let expected: Vec<String> = (0..self.lines).map(|n| format!("{name}-{n}")).collect();
            assert_eq!(his.cloned().collect::<Vec<_>>(), expected);
        }
    }
}
