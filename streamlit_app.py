"""The app that ``streamlit run`` starts: the router and nothing else."""

from ui import router

router.run()
