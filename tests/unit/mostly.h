// What the kernel may spoil in any one try: it takes clean pages when it likes, and some machines
// do so every few seconds.
#pragma once

namespace coldload {

// Whether `attempt` holds two times more often than not within 15 tries. What is wrong in three of
// four tries is found nine times of ten so, and in nine of ten tries, nearly always.
template <typename Attempt>
bool mostly(Attempt attempt) {
  constexpr int k_tries = 15;
  int ahead = 0;
  for (int i = 0; i < k_tries && ahead < 2; ++i) ahead += attempt() ? 1 : -1;
  return ahead == 2;
}

}  // namespace coldload
