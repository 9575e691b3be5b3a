//! Recording a voice message.

use std::{cell::RefCell, rc::Rc};

use futures::channel::oneshot;
use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AnalyserNode, AudioContext, Blob, BlobEvent, BlobPropertyBag, MediaRecorder, MediaStream,
    MediaStreamConstraints, MediaStreamTrack,
};

use super::{now, window};
use crate::matrix::{Upload, Voice};

/// What is recorded, the best first: what other clients expect of a voice message is Opus in Ogg.
const TYPES: [&str; 4] = ["audio/ogg;codecs=opus", "audio/webm;codecs=opus", "audio/mp4", "audio/webm"];

/// A recording that goes on.
pub struct Recorder {
    recorder: MediaRecorder,
    stream: MediaStream,
    context: AudioContext,
    analyser: AnalyserNode,
    pieces: Array,
    loudness: RefCell<Vec<f32>>,
    began: i64,
}

impl Recorder {
    /// Asks for the microphone, and begins; nothing where there is none or the person says no.
    pub async fn begin() -> Option<Rc<Self>> {
        let constraints = MediaStreamConstraints::new();
        constraints.set_audio(&true.into());
        let devices = window().navigator().media_devices().ok()?;
        let asked = devices.get_user_media_with_constraints(&constraints).ok()?;
        let stream: MediaStream = JsFuture::from(asked).await.ok()?.dyn_into().ok()?;
        let options = web_sys::MediaRecorderOptions::new();
        if let Some(kind) = TYPES.into_iter().find(|kind| MediaRecorder::is_type_supported(kind)) {
            options.set_mime_type(kind);
        }
        let recorder =
            MediaRecorder::new_with_media_stream_and_media_recorder_options(&stream, &options).ok()?;
        let context = AudioContext::new().ok()?;
        let analyser = context.create_analyser().ok()?;
        context.create_media_stream_source(&stream).ok()?.connect_with_audio_node(&analyser).ok()?;
        let pieces = Array::new();
        let kept = pieces.clone();
        let came = Closure::<dyn Fn(BlobEvent)>::new(move |event: BlobEvent| {
            if let Some(piece) = event.data() {
                kept.push(&piece);
            }
        });
        recorder.set_ondataavailable(Some(came.as_ref().unchecked_ref()));
        came.forget();
        recorder.start().ok()?;
        Some(Rc::new(Self {
            recorder,
            stream,
            context,
            analyser,
            pieces,
            loudness: RefCell::new(Vec::new()),
            began: now(),
        }))
    }

    pub fn milliseconds(&self) -> u64 {
        (now() - self.began).max(0) as u64
    }

    /// Notes how loud it is just now, and tells it: 0 to 1.
    pub fn listen(&self) -> f32 {
        let mut samples = vec![0.0_f32; self.analyser.fft_size() as usize];
        self.analyser.get_float_time_domain_data(&mut samples);
        let loudest = samples.iter().fold(0.0_f32, |loudest, sample| loudest.max(sample.abs())).min(1.0);
        self.loudness.borrow_mut().push(loudest);
        loudest
    }

    /// Ends it, and gives what was recorded.
    pub async fn end(&self) -> Option<Upload> {
        let milliseconds = self.milliseconds();
        let (sender, receiver) = oneshot::channel();
        let stopped = Closure::once_into_js(move || {
            let _ = sender.send(());
        });
        self.recorder.set_onstop(Some(stopped.unchecked_ref()));
        self.recorder.stop().ok()?;
        let _ = receiver.await;
        self.close();
        let mime_type = self.recorder.mime_type();
        let mime_type = mime_type.split(';').next().unwrap_or("audio/webm").to_owned();
        let properties = BlobPropertyBag::new();
        properties.set_type(&mime_type);
        let whole = Blob::new_with_blob_sequence_and_options(&self.pieces, &properties).ok()?;
        let bytes = Uint8Array::new(&JsFuture::from(whole.array_buffer()).await.ok()?).to_vec();
        let ending = mime_type.rsplit('/').next().unwrap_or("webm");
        Some(Upload {
            name: format!("voice.{ending}"),
            bytes,
            size: None,
            caption: String::new(),
            voice: Some(Voice { milliseconds, loudness: thinned(&self.loudness.borrow()) }),
            mime_type,
        })
    }

    /// Ends it, and nothing was recorded.
    pub fn cancel(&self) {
        let _ = self.recorder.stop();
        self.close();
    }

    fn close(&self) {
        for track in self.stream.get_tracks().iter() {
            track.unchecked_into::<MediaStreamTrack>().stop();
        }
        let _ = self.context.close();
    }
}

/// At most so many values as a wave has lines, each the loudest of its part.
fn thinned(all: &[f32]) -> Vec<f32> {
    const LINES: usize = 60;
    let part = all.len().div_ceil(LINES).max(1);
    all.chunks(part).map(|part| part.iter().copied().fold(0.0, f32::max)).collect()
}
