use std::net::{IpAddr, Ipv4Addr};

use axum::extract::{Request, State};
use axum::response::Response;
use kith_primitives::Caller;

use super::{Inner, Layers, refuse};
use crate::connections::Peer;
use crate::limits::{Party, Place};

/// Refuses at once what is more than the share of whoever calls, so that one caller leaves room for the others.
pub(super) async fn share(State(shared): Layers, request: Request, inner: Inner) -> Response {
    let extensions = request.extensions();
    if let Some(place) = extensions.get::<Place>() {
        let peer = extensions.get::<Peer>().map(|peer| peer.0);
        let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let parties = Party::of(extensions.get::<Caller>(), peer);
        if let Err(failure) = shared.limits.count(place, parties) {
            return refuse(failure);
        }
    }
    inner.run(request).await
}
