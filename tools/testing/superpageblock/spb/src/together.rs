// SPDX-License-Identifier: GPL-2.0-only
//! How are a few things done at the same time?

use std::thread;

use anyhow::anyhow;
use anyhow::Result;

/// Does `work` for each of `items` at the same time; one that panics has failed.
pub fn each<T, R>(
    items: impl IntoIterator<Item = T>,
    work: impl Fn(T) -> Result<R> + Sync,
) -> Vec<Result<R>>
where
    T: Send,
    R: Send,
{
    let work = &work;
    thread::scope(|scope| {
        let started: Vec<_> = items
            .into_iter()
            .map(|item| scope.spawn(move || work(item)))
            .collect();
        let panicked = |_| Err(anyhow!("panicked, see above"));
        started
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(panicked))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_and_a_panic_is_one_of_them() {
        let results = each([3, 0, 1], |divisor: u32| {
            Ok(6_u32.checked_div(divisor).expect("a panic on purpose"))
        });
        assert_eq!(results[0].as_ref().ok(), Some(&2));
        assert!(results[1].is_err());
        assert_eq!(results[2].as_ref().ok(), Some(&6));
    }
}
