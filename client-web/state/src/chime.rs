//! The one sound of the client: two soft tones, made here, so that no file is fetched for it.

/// Samples a second.
const RATE: u32 = 22_050;
/// Each tone: its frequency in hertz, and when it begins, in seconds.
const TONES: [(f32, f32); 2] = [(659.3, 0.0), (880.0, 0.11)];
const LENGTH: f32 = 0.7;
/// Of what could be heard at most.
const LOUDNESS: f32 = 0.08;
/// How long a tone takes to come, in seconds, and how soon it fades.
const RISE: f32 = 0.015;
const FADE: f32 = 9.0;

/// The sound as a file: `audio/wav`, one channel of 16 bits.
pub fn chime() -> Vec<u8> {
    let count = (RATE as f32 * LENGTH) as u32;
    let size = count * 2;
    let mut file = Vec::with_capacity(44 + size as usize);
    file.extend(b"RIFF");
    file.extend((36 + size).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    // Plain samples, one channel.
    file.extend([1_u16, 1].map(u16::to_le_bytes).concat());
    file.extend([RATE, RATE * 2].map(u32::to_le_bytes).concat());
    file.extend([2_u16, 16].map(u16::to_le_bytes).concat());
    file.extend(b"data");
    file.extend(size.to_le_bytes());
    for number in 0..count {
        let at = number as f32 / RATE as f32;
        let sum: f32 = TONES.iter().map(|(frequency, begins)| tone(*frequency, at - begins)).sum();
        file.extend(((sum * LOUDNESS * f32::from(i16::MAX)) as i16).to_le_bytes());
    }
    file
}

/// A tone so many seconds after it began.
fn tone(frequency: f32, at: f32) -> f32 {
    if at < 0.0 {
        return 0.0;
    }
    (at / RISE).min(1.0) * (-at * FADE).exp() * (at * frequency * std::f32::consts::TAU).sin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_file_that_begins_and_ends_in_silence_and_is_never_loud() {
        let file = chime();
        let size = u32::from_le_bytes(file[40..44].try_into().unwrap());
        assert_eq!(file.len(), 44 + size as usize);
        let samples: Vec<i16> =
            file[44..].chunks(2).map(|two| i16::from_le_bytes(two.try_into().unwrap())).collect();
        let loudest = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        assert!((1_000..6_000).contains(&loudest), "{loudest}");
        assert!(samples[0] == 0 && samples.last().unwrap().abs() < 50);
    }
}
