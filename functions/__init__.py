"""What runs inside the cloud's functions: thin handlers around pure cores; never the deployment tool."""
