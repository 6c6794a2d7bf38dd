//! What many requests ask of the database at the same time, asked together.
//!
//! While one round trip is under way, further questions gather, and go with the next one: the busier it gets, the less each
//! costs. Nothing is remembered. An answer is read after its question was asked, so what another request, another instance
//! or another program has changed by then is seen, which no cache could promise.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use diesel::QueryResult;
use diesel::pg::PgConnection;
use tokio::sync::oneshot;

use crate::db::{ANSWER, Db, PATIENCE};
use crate::error::AppError;

/// Most questions of one round trip.
const TOGETHER: usize = 256;

/// How long a round trip waits for more to gather, while there is a rush: each costs Postgres some 80 µs, however much is
/// asked. Without it, sixty connections that asked for thumbnails made one for every three questions.
const RUSH: Duration = Duration::from_micros(250);

/// How long the connection is kept when nobody asks any more: the next question then finds it ready.
const LINGER: Duration = Duration::from_millis(2);

/// Answers questions of one kind, all that have gathered by one call, in their order.
pub type AnswerAll<Q, A> = fn(&mut PgConnection, &[Q]) -> QueryResult<Vec<A>>;

type Asked<Q, A> = (Q, oneshot::Sender<Result<A, AppError>>);

/// Where the questions arrive; here while nobody is answering.
type Idle<Q, A> = Arc<Mutex<Option<Receiver<Asked<Q, A>>>>>;

/// A door to the database for questions that are asked often. Cloning it is cheap and gives the same door.
pub struct Gathered<Q, A> {
    db: Db,
    answer_all: AnswerAll<Q, A>,
    questions: Sender<Asked<Q, A>>,
    idle: Idle<Q, A>,
}

impl<Q: Send + 'static, A: Send + 'static> Gathered<Q, A> {
    /// A door with this way to answer.
    #[must_use]
    pub fn new(db: Db, answer_all: AnswerAll<Q, A>) -> Self {
        let (questions, receiver) = channel();
        Self { db, answer_all, questions, idle: Arc::new(Mutex::new(Some(receiver))) }
    }

    /// The answer, as it is now.
    ///
    /// # Errors
    /// As [`Db::read`].
    pub async fn ask(&self, question: Q) -> Result<A, AppError> {
        let (sender, answer) = oneshot::channel();
        self.questions.send((question, sender)).map_err(|_| gone())?;
        if let Some(questions) = lock(&self.idle).take() {
            let turn = Turn { idle: Arc::clone(&self.idle), questions: Some(questions) };
            let (db, answer_all) = (self.db.clone(), self.answer_all);
            // Not by whoever asks: they may leave while others wait. Each is told what went wrong.
            #[expect(
                clippy::disallowed_methods,
                reason = "it ends when nobody asks; the next who asks begins another"
            )]
            actix_web::rt::spawn(async move {
                if let Err(error) = db.read(move |conn| turn.work(conn, answer_all)).await {
                    tracing::debug!(%error, "asking together");
                }
            });
        }
        // Whoever works may hang on a server that does not answer any more: only they are told of that.
        tokio::time::timeout(PATIENCE + ANSWER, answer).await.map_err(|_| gone())?.map_err(|_| gone())?
    }
}

/// Whose turn it is to answer. When it ends, however it does, nobody waits for it and somebody else may begin.
struct Turn<Q, A> {
    idle: Idle<Q, A>,
    questions: Option<Receiver<Asked<Q, A>>>,
}

impl<Q, A> Turn<Q, A> {
    fn work(mut self, conn: &mut PgConnection, answer_all: AnswerAll<Q, A>) -> Result<(), AppError> {
        let mut rush = false;
        while let Some(first) = self.next() {
            if rush {
                std::thread::sleep(RUSH);
            }
            let others = self.questions.iter().flat_map(Receiver::try_iter).take(TOGETHER - 1);
            let (questions, waiting): (Vec<Q>, Vec<_>) = std::iter::once(first).chain(others).unzip();
            rush = questions.len() > 1;
            match answer_all(conn, &questions) {
                // Who has left needs no answer.
                Ok(answers) => waiting.into_iter().zip(answers).for_each(|(one, answer)| drop(one.send(Ok(answer)))),
                Err(error) => {
                    let error = AppError::from(error);
                    waiting.into_iter().for_each(|one| drop(one.send(Err(again(&error)))));
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// The next question, unless none comes.
    fn next(&mut self) -> Option<Asked<Q, A>> {
        match self.questions.as_ref()?.recv_timeout(LINGER) {
            Ok(next) => Some(next),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                let mut idle = lock(&self.idle);
                // Whoever asks from here on finds it idle; whoever asked before is seen here.
                let next = self.questions.as_ref()?.try_recv().ok();
                if next.is_none() {
                    *idle = self.questions.take();
                }
                next
            }
        }
    }
}

impl<Q, A> Drop for Turn<Q, A> {
    fn drop(&mut self) {
        if let Some(questions) = self.questions.take() {
            let mut idle = lock(&self.idle);
            // It ended before its time: those who wait are told by this.
            questions.try_iter().for_each(drop);
            *idle = Some(questions);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same failure, for one more who asked.
fn again(error: &AppError) -> AppError {
    match error {
        AppError::Unavailable(cause) => AppError::Unavailable(cause.clone()),
        other => AppError::internal(other.to_string()),
    }
}

fn gone() -> AppError {
    AppError::unavailable("the database did not answer those who asked together")
}
