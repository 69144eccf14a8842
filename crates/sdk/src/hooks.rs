//! Hooks: the server tells an address of what changed in the account.

use std::fmt;

use tozstore_api::{HookEvent, HookList, HookTrigger, NewHook, paths};

use crate::transport::Request;
use crate::{Account, Error, Secret};

/// A hook of an account.
#[non_exhaustive]
pub struct Hook {
    /// Its id.
    pub id: u64,
    /// Where deliveries go.
    pub url: String,
    /// What is delivered.
    pub events: Vec<HookEvent>,
    /// What deliveries are signed with, to be read as a [`HookSecret`](crate::HookSecret): when it was just made, and
    /// never again.
    pub secret: Option<Secret>,
}

impl From<tozstore_api::Hook> for Hook {
    fn from(hook: tozstore_api::Hook) -> Self {
        let enabled = hook.triggers.into_iter().filter(|trigger| trigger.enabled);
        Self {
            id: hook.webhook_id,
            url: hook.webhook_url,
            events: enabled.map(|trigger| trigger.api_event).collect(),
            secret: hook.secret,
        }
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook")
            .field("id", &self.id)
            .field("url", &self.url)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

impl Account {
    /// Makes a hook: from now on, the server tells `url` of these events. Keep its secret, which is given this once.
    ///
    /// # Errors
    /// [`Error::Refused`] if the address is none that this server delivers to, or the account has as many hooks as it
    /// may have. After [`Error::Unanswered`] it may be there: look at [`hooks`](Self::hooks).
    pub async fn create_hook(&self, url: &str, events: &[HookEvent]) -> Result<Hook, Error> {
        let trigger = |event: &HookEvent| HookTrigger { enabled: true, api_event: *event };
        let body = NewHook { webhook_url: url.to_owned(), triggers: events.iter().map(trigger).collect() };
        let request = Request::post(paths::HOOKS.to_owned()).json(&body)?;
        let answer = self.queen.send(request).await;
        let answer =
            answer.map_err(|failure| failure.in_conflict("the account has as many hooks as it may have"))?;
        Ok(answer.json::<tozstore_api::Hook>()?.into())
    }

    /// All hooks of the account, without their secrets.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn hooks(&self) -> Result<Vec<Hook>, Error> {
        let list: HookList = self.queen.send(Request::get(paths::HOOKS.to_owned())).await?.json()?;
        Ok(list.hooks.into_iter().map(Into::into).collect())
    }

    /// Deletes a hook. What is queued for it is not delivered any more.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it is not one of this account.
    pub async fn delete_hook(&self, id: u64) -> Result<(), Error> {
        match self.queen.send(Request::delete(paths::hook(id))).await {
            // An earlier try was done, and its answer lost.
            Err(failure) if failure.is_not_found() && failure.was_repeated => Ok(()),
            Err(failure) => Err(failure.naming("the hook")),
            Ok(_) => Ok(()),
        }
    }
}
