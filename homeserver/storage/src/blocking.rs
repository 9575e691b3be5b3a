//! Work that would keep other tasks waiting.

use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::block_in_place,
};

/// Runs what takes long, or waits for the disk: the other tasks of this thread go on in another one meanwhile. Only
/// what the same task does at the same time (the other branches of a `join!`) has to wait.
///
/// In a runtime of one thread, as a simulation is, everything waits: what two threads do has no order that a seed
/// could give again.
pub fn blocking<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => block_in_place(work),
        _ => work(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn it_keeps_no_other_task_waiting() {
        let blocks = tokio::spawn(async {
            let (say, said) = mpsc::channel();
            tokio::spawn(async move { say.send(()).unwrap() });
            // The only worker waits here for the other task.
            blocking(|| said.recv().unwrap());
        });
        blocks.await.unwrap();
    }

    #[tokio::test]
    async fn in_one_thread_it_has_its_place_among_the_tasks() {
        assert_eq!(blocking(|| 7), 7);
    }
}
