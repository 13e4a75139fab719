//! The tracker on a site's own domain: where its files and endpoints are found there ([`paths`]), and the cookies that its
//! answers may set ([`cookies`]). Pure: no request, no state; docs/first-party.md is for the operator.

pub mod cookies;
pub mod paths;
