"""The store dashboard: what analysts see of PRODUCTION, as a Streamlit app."""
