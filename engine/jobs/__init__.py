"""The jobs: their queue, their records and states, the processes in which they run."""
