//! The data directories of the engines in a walk, and their free space.

use super::frames::Frames;
use crate::evidence::{DataRoot, Observation, Observed, Part, Reason, Unseen};
use crate::text::plain::plain;

/// The data directory of a process's engine. `told` is the path that the engine's API reports.
pub fn root(frames: &Frames, pid: i64, told: Option<&str>) -> Observation<DataRoot> {
    let prefix = format!("/proc/{pid}/root");
    let place = numbers::<2>(frames, "places", &prefix);
    let room = numbers::<5>(frames, "room", &prefix);
    let (Some((path, [device, inode])), Some((_, room))) = (place, room) else {
        return Unseen(Reason::Unreadable {
            part: Part::DataRoot,
        });
    };
    // The actual directory may differ from the configured one: rootless, or behind a symlink.
    let agrees = |told: &str| told == path || told.starts_with(&format!("{path}/"));
    if told.is_some_and(|told| !agrees(told)) {
        return Unseen(Reason::DataElsewhere);
    }
    let [block, blocks, free, inodes, free_inodes] = room.map(whole);
    let mib = |blocks: i64| blocks.saturating_mul(block) >> 20;
    Observed(DataRoot {
        path: plain(told.unwrap_or(path)),
        file_system: room_kind(frames, &prefix),
        device: whole(device),
        inode: whole(inode),
        size_mib: mib(blocks),
        free_mib: mib(free),
        inodes,
        free_inodes,
    })
}

/// The path and the numbers of the line about a process's directory. The file system type before
/// the numbers is not numeric.
fn numbers<'a, const N: usize>(
    frames: &Frames<'a>,
    record: &str,
    prefix: &str,
) -> Option<(&'a str, [&'a str; N])> {
    let (path, words) = line(frames, record, prefix)?;
    let last = words.len().checked_sub(N)?;
    Some((path, words[last..].try_into().ok()?))
}

fn line<'a>(frames: &Frames<'a>, record: &str, prefix: &str) -> Option<(&'a str, Vec<&'a str>)> {
    // Older walks wrote the lines of all processes in one record.
    let pid = prefix.strip_prefix("/proc/")?.strip_suffix("/root")?;
    let record = frames
        .of(record, pid.parse().ok()?)
        .or(frames.get(record, "-"))?;
    let mut lines = record.lines();
    lines.find_map(|line| {
        let (numbers, name) = line.rsplit_once(' ')?;
        let path = name.strip_prefix(prefix)?;
        path.starts_with('/')
            .then(|| (path, numbers.split(' ').collect()))
    })
}

/// Saturates: a number beyond i64 is effectively unlimited.
fn whole(number: &str) -> i64 {
    let parsed = number.parse::<u64>().unwrap_or_default();
    i64::try_from(parsed).unwrap_or(i64::MAX)
}

/// The kernel's magic numbers of file systems (linux/magic.h and file system headers).
fn room_kind(frames: &Frames, prefix: &str) -> String {
    let words = line(frames, "room", prefix).map(|(_, words)| words);
    let number = words.and_then(|words| words.first().copied());
    match number.unwrap_or_default() {
        "794c7630" => "overlay".to_owned(),
        "1021994" => "tmpfs".to_owned(),
        "ef53" => "ext4".to_owned(),
        "58465342" => "xfs".to_owned(),
        "9123683e" => "btrfs".to_owned(),
        "2fc12fc1" => "zfs".to_owned(),
        "6969" => "nfs".to_owned(),
        "65735546" => "fuse".to_owned(),
        other => plain(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STREAM: &[u8] = b"\nM> places -\n65024 131 /proc/7/root/var/lib/docker\n76 3 /proc/70/root/data\n\nM< -\n\
        \nM> room -\nef53 4096 66053021 14065804 16777216 16215748 /proc/7/root/var/lib/docker\n1021994 4096 16384 16 100 0 /proc/70/root/data\n\nM< -\n";

    #[test]
    fn each_engine_has_its_own_line() {
        let frames = Frames::parse(STREAM, "M");
        let seven = root(&frames, 7, None);
        let seven = seven.observed().unwrap();
        assert_eq!((seven.device, seven.inode), (65024, 131));
        assert_eq!(
            (seven.file_system.as_str(), seven.size_mib, seven.free_mib),
            ("ext4", 258_019, 54_944)
        );
        let seventy = root(&frames, 70, Some("/data/100000.100000"));
        let seventy = seventy.observed().unwrap();
        assert_eq!((seventy.free_mib, seventy.free_inodes), (0, 0));
        assert_eq!(
            (seventy.path.as_str(), seventy.file_system.as_str()),
            ("/data/100000.100000", "tmpfs")
        );
    }

    #[test]
    fn another_directory_than_the_engines_own_tells_nothing() {
        let frames = Frames::parse(STREAM, "M");
        let elsewhere = Some("/home/rootless/.local/share/docker");
        assert!(root(&frames, 7, elsewhere).reason().is_some());
        assert!(root(&frames, 8, None).reason().is_some());
        assert!(root(&Frames::default(), 7, None).reason().is_some());
    }

    proptest! {
        #[test]
        fn no_damage_panics(at in 0..STREAM.len(), noise in proptest::collection::vec(any::<u8>(), 1..40)) {
            let mut stream = STREAM.to_vec();
            let end = (at + noise.len()).min(stream.len());
            stream.splice(at..end, noise);
            let _ = root(&Frames::parse(&stream, "M"), 7, None);
        }
    }
}
