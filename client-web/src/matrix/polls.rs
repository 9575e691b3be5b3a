//! Polls: made, voted in and ended.

use hearth_client_state::timeline::Poll;
use matrix_sdk::ruma::{
    OwnedEventId,
    events::{
        AnyMessageLikeEventContent,
        poll::{
            start::PollKind,
            unstable_end::UnstablePollEndEventContent,
            unstable_response::UnstablePollResponseEventContent,
            unstable_start::{
                NewUnstablePollStartEventContent, UnstablePollAnswer, UnstablePollAnswers,
                UnstablePollStartContentBlock, UnstablePollStartEventContent,
            },
        },
    },
};

use super::{OpenRoom, Problem};

impl OpenRoom {
    /// Asks the room a question.
    pub async fn ask_poll(&self, question: &str, answers: &[String]) -> Result<(), Problem> {
        let answers: Vec<UnstablePollAnswer> = answers
            .iter()
            .enumerate()
            .map(|(number, text)| UnstablePollAnswer::new(number.to_string(), text.trim()))
            .collect();
        // What clients show that know no polls.
        let lines =
            answers.iter().enumerate().map(|(number, answer)| format!("{}. {}", number + 1, answer.text));
        let text = format!("{question}\n{}", lines.collect::<Vec<_>>().join("\n"));
        let answers = UnstablePollAnswers::try_from(answers).map_err(|_| Problem::Known("error-poll"))?;
        let mut block = UnstablePollStartContentBlock::new(question.trim(), answers);
        // Everybody sees how it stands: what people expect who ask their friends.
        block.kind = PollKind::Disclosed;
        let start = NewUnstablePollStartEventContent::plain_text(text, block);
        self.send_event(UnstablePollStartEventContent::New(start).into()).await
    }

    /// Says what one has chosen, by the event that asked and the answer that was clicked.
    pub async fn vote(&self, event: &str, poll: &Poll, clicked: &str) -> Result<(), Problem> {
        let event = OwnedEventId::try_from(event).map_err(|_| Problem::Known("room-failed"))?;
        let content = UnstablePollResponseEventContent::new(poll.choice(clicked), event);
        self.send_event(content.into()).await
    }

    pub async fn end_poll(&self, event: &str, text: &str) -> Result<(), Problem> {
        let event = OwnedEventId::try_from(event).map_err(|_| Problem::Known("room-failed"))?;
        self.send_event(UnstablePollEndEventContent::new(text, event).into()).await
    }

    async fn send_event(&self, content: AnyMessageLikeEventContent) -> Result<(), Problem> {
        self.timeline.send(content).await.map(drop).map_err(|error| Problem::Other(error.to_string()))
    }
}
