//! Numbers by chance that are the same on every machine: splitmix64 for seeds, xoshiro256++ for the rest.

/// A stream of numbers by chance.
#[derive(Debug, Clone)]
pub struct Rng([u64; 4]);

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Rng {
    /// The stream of a seed and a name: another name is another stream, whatever else was drawn.
    pub fn of(seed: u64, name: &str) -> Self {
        // FNV-1a: what it is called decides, not in which order it was asked for.
        let named = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64 ^ seed.rotate_left(17), |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut state = named ^ seed;
        Self([split_mix(&mut state), split_mix(&mut state), split_mix(&mut state), split_mix(&mut state)])
    }

    fn next(&mut self) -> u64 {
        let [a, b, c, d] = self.0;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.0 = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// From 0 up to but not 1.
    pub fn unit(&mut self) -> f64 {
        let high = u32::try_from(self.next() >> 32).unwrap_or_default();
        f64::from(high) / 4_294_967_296.0
    }

    /// Anywhere between two numbers, evenly.
    pub fn between(&mut self, (low, high): (f64, f64)) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// The normal distribution with mean 0 and deviation 1 (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// A factor around 1: its logarithm has this deviation.
    pub fn factor(&mut self, deviation: f64) -> f64 {
        (self.normal() * deviation).exp()
    }

    /// A whole day from one to another, both included.
    pub fn day(&mut self, first: i32, last: i32) -> i32 {
        let days = u32::try_from((last - first).max(0)).unwrap_or_default();
        let days = u64::from(days) + 1;
        first + i32::try_from(self.next() % days).unwrap_or_default()
    }

    /// One of them, each as likely; there must be one.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = self.next() % u64::try_from(from.len().max(1)).unwrap_or(1);
        from.get(usize::try_from(at).unwrap_or_default())
    }
}
