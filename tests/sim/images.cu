// SPDX-License-Identifier: Apache-2.0
// Kernels of many shapes; core_images.sh compiles them to each image format.
struct parts {
	int numbers[7];
	char letter;
};

__device__ int counter = 42;
__device__ float table[100];
__constant__ float weights[16] = { 1, 2, 3 };
__managed__ int everywhere = 3;
static __device__ int hidden = 9;

extern "C" __global__ void __launch_bounds__(256, 2) mixed(char c, parts s, short h, float *p)
{
	__shared__ float tile[300];

	tile[threadIdx.x] = p[threadIdx.x] * weights[3];
	__syncthreads();
	p[h] = tile[threadIdx.x * 7 % 256] + s.numbers[c & 3] + counter + hidden + table[3] + everywhere;
}

template <typename T> __global__ void generic(T *x, double d)
{
	extern __shared__ char raw[];
	T *dynamic = (T *)raw;

	dynamic[threadIdx.x] = x[0];
	__syncthreads();
	x[threadIdx.x] = dynamic[3] * (T)d;
}

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
#define CLUSTER __cluster_dims__(2, 1, 1)
#else
#define CLUSTER
#endif
__global__ void CLUSTER clustered(int4 v, const void *q)
{
	int many[200];

	for (int i = 0; i < 200; i++)
		many[i] = ((const int *)q)[i] * v.x;
	((int *)q)[0] = many[v.y & 127];
}

__global__ void nothing(void)
{
}

template __global__ void generic<float>(float *, double);
template __global__ void generic<int>(int *, double);
