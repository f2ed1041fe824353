//! Chance that repeats.

/// SplitMix64: the same numbers for the same seed, everywhere.
pub struct Dice(pub u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let one = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let two = (one ^ (one >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        two ^ (two >> 31)
    }

    /// From the first up to, but not including, the second.
    pub fn between(&mut self, from: i32, to: i32) -> i32 {
        from + i32::try_from(self.roll() % u64::try_from(to - from).unwrap()).unwrap()
    }

    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[usize::try_from(self.between(0, i32::try_from(all.len()).unwrap())).unwrap()]
    }

    pub fn flip(&mut self) -> bool {
        self.roll().is_multiple_of(2)
    }
}
