//! Datagrams that came in at one thread's socket and belong to another thread.
//!
//! The receiving thread copies such a datagram into a buffer of its own stock and puts it into the owner's inbox;
//! the owner sends the buffer back, with its verdict. So buffers are used again, and the receiving thread learns
//! whether the remote address is really the owner's.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use super::door::Bell;
use crate::limits::{PARCEL_BYTES_MAX, PARCELS_MAX};

/// A datagram on its way to its owner.
#[derive(Debug)]
pub(crate) struct Parcel {
    /// the thread whose socket received it
    pub(crate) origin: u8,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) payload: Vec<u8>,
}

/// The buffer of a [`Parcel`] on its way back.
#[derive(Debug)]
pub(crate) struct Receipt {
    pub(crate) owner: u8,
    pub(crate) source: SocketAddr,
    /// whether the owner knew what to do with it
    pub(crate) accepted: bool,
    payload: Vec<u8>,
}

/// Why a datagram was not handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// the owner has too much to do, or has ended
    Full,
    Oversize,
}

/// One thread's side of the exchange.
#[derive(Debug)]
pub(crate) struct Exchange {
    me: u8,
    parcels: Receiver<Parcel>,
    receipts: Receiver<Receipt>,
    others: Vec<Other>,
    stock: Vec<Vec<u8>>,
}

#[derive(Clone, Debug)]
struct Other {
    parcels: SyncSender<Parcel>,
    receipts: SyncSender<Receipt>,
    bell: Arc<Bell>,
    /// something was put in since the bell was rung
    waiting: bool,
}

/// The exchanges of all threads, one for each bell.
pub(crate) fn exchanges(bells: &[Arc<Bell>]) -> Vec<Exchange> {
    let (others, inboxes): (Vec<_>, Vec<_>) = bells
        .iter()
        .map(|bell| {
            let (parcels, parcels_in) = sync_channel(PARCELS_MAX);
            let (receipts, receipts_in) = sync_channel(PARCELS_MAX);
            (Other { parcels, receipts, bell: bell.clone(), waiting: false }, (parcels_in, receipts_in))
        })
        .unzip();
    inboxes
        .into_iter()
        .enumerate()
        .map(|(me, (parcels, receipts))| Exchange {
            me: u8::try_from(me).expect("fewer threads than 256"),
            parcels,
            receipts,
            others: others.clone(),
            stock: Vec::new(),
        })
        .collect()
}

impl Exchange {
    /// There is no other thread.
    pub(crate) fn is_alone(&self) -> bool {
        self.others.len() < 2
    }

    /// Hands a datagram to `owner`, one of the threads. Others wake at [`Exchange::ring`].
    pub(crate) fn hand_over(
        &mut self,
        owner: u8,
        source: SocketAddr,
        destination: SocketAddr,
        datagram: &[u8],
    ) -> Result<(), Lost> {
        if datagram.len() > PARCEL_BYTES_MAX {
            return Err(Lost::Oversize);
        }
        let other = self.others.get_mut(usize::from(owner)).ok_or(Lost::Full)?;
        let mut payload = self.stock.pop().unwrap_or_else(|| Vec::with_capacity(PARCEL_BYTES_MAX));
        payload.clear();
        payload.extend_from_slice(datagram);
        other.waiting = true;
        match other.parcels.try_send(Parcel { origin: self.me, source, destination, payload }) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(parcel) | TrySendError::Disconnected(parcel)) => {
                self.stock.push(parcel.payload);
                Err(Lost::Full)
            }
        }
    }

    pub(crate) fn next_parcel(&self) -> Option<Parcel> {
        self.parcels.try_recv().ok()
    }

    /// Sends a parcel's buffer back. The origin is not woken for it: it looks when it next receives.
    pub(crate) fn give_back(&self, parcel: Parcel, accepted: bool) {
        let Parcel { origin, source, payload, .. } = parcel;
        if let Some(other) = self.others.get(usize::from(origin)) {
            // a full or ended origin loses a buffer, no more
            let _ = other.receipts.try_send(Receipt { owner: self.me, source, accepted, payload });
        }
    }

    /// The next verdict of another thread; the buffer goes into stock.
    pub(crate) fn next_receipt(&mut self) -> Option<Receipt> {
        let mut receipt = self.receipts.try_recv().ok()?;
        if self.stock.len() < PARCELS_MAX {
            self.stock.push(std::mem::take(&mut receipt.payload));
        }
        Some(receipt)
    }

    /// Wakes everybody who was handed something.
    pub(crate) fn ring(&mut self) {
        for other in self.others.iter_mut().filter(|other| other.waiting) {
            other.waiting = false;
            other.bell.ring();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parcel_travels_and_its_buffer_comes_back() {
        let [mut a, b] = two();
        a.hand_over(1, remote(), local(), b"hello").unwrap();
        let parcel = b.next_parcel().unwrap();
        assert_eq!((parcel.origin, parcel.source, &parcel.payload[..]), (0, remote(), &b"hello"[..]));
        assert!(a.next_parcel().is_none());

        b.give_back(parcel, true);
        let receipt = a.next_receipt().unwrap();
        assert_eq!((receipt.owner, receipt.accepted, receipt.source), (1, true, remote()));
        assert_eq!(a.stock.len(), 1);
        a.hand_over(1, remote(), local(), b"x").unwrap();
        assert!(a.stock.is_empty(), "the buffer is used again");
        assert_eq!(b.next_parcel().unwrap().payload, b"x");
    }

    #[test]
    fn a_full_inbox_and_a_long_datagram_are_refused() {
        let [mut a, _b] = two();
        for _ in 0..PARCELS_MAX {
            a.hand_over(1, remote(), local(), b"x").unwrap();
        }
        assert_eq!(a.hand_over(1, remote(), local(), b"x"), Err(Lost::Full));
        assert_eq!(a.hand_over(9, remote(), local(), b"x"), Err(Lost::Full));
        assert_eq!(a.hand_over(1, remote(), local(), &[0; PARCEL_BYTES_MAX + 1]), Err(Lost::Oversize));
    }

    fn two() -> [Exchange; 2] {
        let poll = mio::Poll::new().unwrap();
        let bell = Arc::new(Bell::new(mio::Waker::new(poll.registry(), mio::Token(0)).unwrap()));
        exchanges(&[bell.clone(), bell]).try_into().unwrap()
    }

    fn remote() -> SocketAddr {
        ([192, 0, 2, 1], 4000).into()
    }

    fn local() -> SocketAddr {
        ([192, 0, 2, 2], 10_000).into()
    }
}
