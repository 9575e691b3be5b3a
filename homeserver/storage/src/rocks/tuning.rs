//! How RocksDB is tuned, as a whole and for each way of using a keyspace.

use std::thread::available_parallelism;

use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, DBCompressionType, DBRecoveryMode, DataBlockIndexType,
    InfoLogger, LogLevel, Options, WriteBufferManager,
};

use super::RocksOptions;
use crate::Access;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Bits of a bloom filter for each key: one look-up in a hundred for a missing key reads a block in vain.
const BLOOM_BITS: f64 = 10.0;

/// What all keyspaces share.
pub(super) struct Tuning {
    cache: Cache,
    write_buffers: WriteBufferManager,
    /// Bytes of one keyspace's write buffer.
    write_buffer: usize,
    open_files: i32,
}

impl Tuning {
    pub(super) fn new(options: &RocksOptions) -> Self {
        let memory = usize::try_from(options.memory_bytes).unwrap_or(usize::MAX).max(8 * MIB);
        let cache = Cache::new_lru_cache(memory);
        // Write buffers are charged to the cache, so that one bound holds for both; a quarter is theirs. They
        // never stall a write: the commit queue holds writers back, with an error they can give to clients.
        let write_buffers =
            WriteBufferManager::new_write_buffer_manager_with_cache(memory / 4, false, cache.clone());
        Self {
            cache,
            write_buffers,
            write_buffer: (memory / 16).clamp(MIB, 32 * MIB),
            open_files: i32::try_from(options.open_files).unwrap_or(i32::MAX),
        }
    }

    pub(super) fn database(&self) -> Options {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_write_buffer_manager(&self.write_buffers);

        // What was synced must never be dropped without a word. AbsoluteConsistency would refuse to start
        // after every loss of power that tore the last, unsynced record; PointInTime (the default) stops at
        // the first damaged record wherever it is, and so drops synced ones behind it. This one allows a torn
        // end, and refuses damage before it; a whole WAL that is missing is found by the manifest.
        options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
        options.set_track_and_verify_wals_in_manifest(true);
        // A keyspace that is seldom written holds on to old WALs; this bounds them and the time of a start.
        options.set_max_total_wal_size(128 * MIB as u64);

        // One thread commits, whole groups at once: the ways in which RocksDB lets writers overlap only cost.
        options.set_enable_pipelined_write(false);
        options.set_unordered_write(false);
        options.set_allow_concurrent_memtable_write(false);
        options.set_enable_write_thread_adaptive_yield(false);

        let cores = available_parallelism().map_or(2, usize::from);
        options.set_max_background_jobs(cores.clamp(2, 8) as i32);
        options.set_bytes_per_sync(MIB as u64);
        options.set_avoid_unnecessary_blocking_io(true);
        options.set_skip_stats_update_on_db_open(true);
        options.set_max_open_files(self.open_files);

        options.set_stats_dump_period_sec(0);
        options.set_stats_persist_period_sec(0);
        options.set_info_logger(InfoLogger::new_callback_logger(LogLevel::Warn, |level, message| {
            let message = message.trim();
            match level {
                LogLevel::Error | LogLevel::Fatal => tracing::error!(target: "rocksdb", "{message}"),
                LogLevel::Warn => tracing::warn!(target: "rocksdb", "{message}"),
                // Its settings, told at every start.
                _ => tracing::debug!(target: "rocksdb", "{message}"),
            }
        }));
        options
    }

    /// For a column family that this server does not know.
    pub(super) fn unused(&self) -> Options {
        Options::default()
    }

    pub(super) fn keyspace(&self, access: Access) -> Options {
        let mut blocks = BlockBasedOptions::default();
        blocks.set_block_cache(&self.cache);
        // Indexes and filters count against the bound as well; those in use stay.
        blocks.set_cache_index_and_filter_blocks(true);
        blocks.set_cache_index_and_filter_blocks_with_high_priority(true);
        blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
        blocks.set_pin_top_level_index_and_filter(true);

        let mut options = Options::default();
        options.set_write_buffer_size(self.write_buffer);
        // A keyspace with one row takes one of these, and there are sixty keyspaces.
        options.set_arena_block_size(64 * KIB);
        options.set_compression_type(DBCompressionType::Lz4);
        options.set_bottommost_compression_type(DBCompressionType::Zstd);
        options.set_level_compaction_dynamic_level_bytes(true);

        match access {
            // Read in long stretches: large blocks. Not looked up by key, so a filter would tell nothing.
            // Rows are deleted where they were written first: files full of tombstones are compacted soon, or
            // every scan would walk over them.
            Access::Append => {
                blocks.set_block_size(32 * KIB);
                options.add_compact_on_deletion_collector_factory(1024, 512, 0.5);
            }
            // Looked up by hash, mostly for keys that are not there: a filter in memory and on disk, small
            // blocks with a hash index in each, and a partitioned index, as it is large beside the blocks.
            Access::Point => {
                blocks.set_block_size(4 * KIB);
                blocks.set_bloom_filter(BLOOM_BITS, false);
                blocks.set_whole_key_filtering(true);
                blocks.set_data_block_index_type(DataBlockIndexType::BinaryAndHash);
                partition(&mut blocks);
                options.set_memtable_whole_key_filtering(true);
                options.set_memtable_prefix_bloom_ratio(0.01);
            }
            // Scanned by prefix, and looked up by whole key for keys that mostly are there: a filter on the
            // upper levels only, where it spares reads, and none on the last, where nine tenths of it would
            // be.
            Access::Range => {
                blocks.set_block_size(8 * KIB);
                blocks.set_bloom_filter(BLOOM_BITS, false);
                blocks.set_whole_key_filtering(true);
                options.set_optimize_filters_for_hits(true);
                options.add_compact_on_deletion_collector_factory(1024, 512, 0.5);
            }
            // Events, about a kilobyte of JSON each and much alike: zstd with some of them as a dictionary. Training one
            // takes as long as compressing does. They are too small for blob files, where each would cost a read of its
            // own.
            Access::Blob => {
                blocks.set_block_size(16 * KIB);
                blocks.set_bloom_filter(BLOOM_BITS, false);
                blocks.set_whole_key_filtering(true);
                partition(&mut blocks);
                options.set_optimize_filters_for_hits(true);
                options.set_bottommost_compression_options(-14, 1, 0, 32 * KIB as i32, true);
            }
        }
        options.set_block_based_table_factory(&blocks);
        options
    }
}

fn partition(blocks: &mut BlockBasedOptions) {
    blocks.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    blocks.set_partition_filters(true);
    blocks.set_metadata_block_size(4 * KIB);
}
