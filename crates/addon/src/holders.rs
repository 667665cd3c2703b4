//! Which JavaScript object stands for a rid, weakly: the proxy of a netref lives as long as user
//! code holds it, and `sweep` finds the dead ones. A reference is freed with its rid (the last
//! DEL), when it is replaced, and at close.

use std::ptr::null_mut;

use napi_sys as sys;

use crate::env::Env;

/// Weak references by rid; null where none is set.
#[derive(Default)]
pub struct Holders {
    weak: Vec<sys::napi_ref>,
}

impl Holders {
    /// One more than the largest rid that ever had a holder.
    pub fn len(&self) -> usize {
        self.weak.len()
    }

    /// The holder of a rid; null when it is dead or was never set.
    #[inline]
    pub fn get(&self, env: Env, rid: usize) -> sys::napi_value {
        env.get(self.weak.get(rid).copied().unwrap_or(null_mut()))
    }

    /// Was a holder set that is dead now?
    #[inline]
    pub fn is_dead(&self, env: Env, rid: usize) -> bool {
        !self.weak[rid].is_null() && env.get(self.weak[rid]).is_null()
    }

    pub fn set(&mut self, env: Env, rid: usize, holder: sys::napi_value) {
        if rid >= self.weak.len() {
            self.weak.resize(rid + 1, null_mut());
        }
        env.delete(std::mem::replace(
            &mut self.weak[rid],
            env.reference(holder, false),
        ));
    }

    /// Forgets the holder of a rid that is free now.
    pub fn remove(&mut self, env: Env, rid: usize) {
        if let Some(weak) = self.weak.get_mut(rid) {
            env.delete(std::mem::replace(weak, null_mut()));
        }
    }

    pub fn clear(&mut self, env: Env) {
        for weak in std::mem::take(&mut self.weak) {
            env.delete(weak);
        }
    }
}
